/**
 * The summary of a run, `summary.json`: one object for the whole run, one entry per peer. Written once, at the end.
 * Accuracies are shares from 0 to 1, absent where the set is empty; bytes and messages are sums over the whole run.
 */
import { InputError } from '../base/errors.ts';
import type { MetricReport } from '../base/metric-report.ts';
import { type Aggregated, aggregatedFields } from './aggregated.ts';
import { check, list, mapOf, optional, type Spec, shape, text, whole } from './shape.ts';

export const SUMMARY_FORMAT = 'grapevine-summary/1';

/** Why a run ended. */
export type EndReason = 'rounds' | 'seconds' | 'target-accuracy' | 'interrupted' | 'failed';

/** How the run was performed. */
export type RunMode = 'swarm' | 'simulate' | 'peer';

/** Mean over the silos and the worst silo. */
export interface Spread {
  readonly mean: number;
  readonly worst: number;
}

/** One model judged on a silo's own held-out samples and on the global test set. */
export interface TestAccuracy {
  readonly ownTest?: number;
  readonly globalTest?: number;
}

/** Shares of the peer's wall time, 0 to 1; what is left of 1 is evaluation, checkpoints and start-up. */
export interface TimeShare {
  readonly training: number;
  readonly waiting: number;
  readonly exchanging: number;
}

export interface PeerSummary extends TestAccuracy {
  readonly name: string;
  /** Training samples. */
  readonly samples: number;
  readonly rounds: number;
  /** The same model trained on this silo's samples only; absent without baselines. */
  readonly alone?: TestAccuracy;
  /** Data plane, framing included. */
  readonly bytesSent: number;
  readonly messagesSent: number;
  /** SHA-256 (hex) of the final params' bytes. */
  readonly paramsSha256: string;
  /** How often this peer left a neighbour out of a round. */
  readonly exclusions: number;
  readonly exclusionsByReason: Readonly<Record<string, number>>;
  /** Messages and links this peer refused, per reason. */
  readonly refusals: Readonly<Record<string, number>>;
  /**
   * Pair exchanges of which the other end is not known to have done its part, and the sum of ‖xᵢ − xⱼ‖/2 by which this peer moved alone in
   * them; absent where there was none.
   */
  readonly halfExchanges?: { readonly count: number; readonly drift: number };
  /** What a fault schedule did to this peer, its links and its messages, by kind; absent where there was none. */
  readonly faults?: Readonly<Record<string, number>>;
  /** What it found with all others when its rounds were over, in order; absent where nothing was asked for. */
  readonly aggregate?: readonly Aggregated[];
  readonly timeShare?: TimeShare;
  /** Control-plane messages this peer originated, and those it passed on for others. */
  readonly controlMessagesSent?: number;
  readonly controlMessagesForwarded?: number;
  /** 99th percentile of the event loop's delay, milliseconds. */
  readonly eventLoopDelayP99Ms?: number;
  readonly cpuSeconds?: number;
  readonly backend: string;
  readonly pid?: number;
  /** Everything that left the sockets: control plane, framing and encryption included. */
  readonly socketBytesSent?: number;
  /** That the engine held at the end. */
  readonly tensors?: number;
  /** Greatest resident set size, bytes. */
  readonly rssBytesMax?: number;
}

export interface RunSummary {
  readonly type: 'summary';
  readonly format: typeof SUMMARY_FORMAT;
  readonly name: string;
  readonly mode: RunMode;
  readonly seed: number;
  readonly backend: string;
  /** Rounds that every live peer completed. */
  readonly rounds: number;
  /** Of these, those that were done before the run was taken up again: times and traffic are those since; absent where none were. */
  readonly startRound?: number;
  readonly endReason: EndReason;
  /** On virtual time: virtual seconds. */
  readonly wallSeconds: number;
  /** Of all processes; absent on virtual time, where the same run must leave the same bytes. */
  readonly cpuSeconds?: number;
  readonly accuracy: {
    /** Which test set `alone`, `together` and `pooled` speak of: the global one where there is one. */
    readonly set: 'global' | 'own';
    readonly alone?: Spread;
    /** Absent where nobody holds test data, or nobody was judged. */
    readonly together?: Spread;
    /** One model trained on all silos' samples in one place; absent without baselines. */
    readonly pooled?: number;
  };
  /** Mean over peers of ‖xᵢ − x̄‖². */
  readonly consensusDistance: number;
  readonly bytesSent: number;
  readonly messagesSent: number;
  /** What the silos found together, each as the least exact of them has it; absent where nothing was asked for. */
  readonly aggregate?: readonly AggregateSummary[];
  readonly peers: readonly PeerSummary[];
}

export interface AggregateSummary {
  readonly of: Aggregated['of'];
  /** Whether it is exact at every silo that ended. */
  readonly exact: boolean;
  /** Names of the silos that took part. */
  readonly silos: readonly string[];
  /** The greatest. */
  readonly weightError?: number;
  readonly metrics?: Readonly<Record<string, MetricReport>>;
}

const testAccuracy: Spec = { ownTest: optional('number'), globalTest: optional('number') };
const spread = shape({ mean: 'number', worst: 'number' });

const peerSpec: Spec = {
  ...testAccuracy,
  name: text,
  samples: whole,
  rounds: whole,
  alone: optional(shape(testAccuracy)),
  bytesSent: whole,
  messagesSent: whole,
  paramsSha256: text,
  exclusions: whole,
  exclusionsByReason: mapOf(whole),
  refusals: mapOf(whole),
  halfExchanges: optional(shape({ count: whole, drift: 'number' })),
  faults: optional(mapOf(whole)),
  aggregate: optional(list(shape(aggregatedFields))),
  timeShare: optional(shape({ training: 'number', waiting: 'number', exchanging: 'number' })),
  controlMessagesSent: optional(whole),
  controlMessagesForwarded: optional(whole),
  eventLoopDelayP99Ms: optional('number'),
  cpuSeconds: optional('number'),
  backend: text,
  pid: optional(whole),
  socketBytesSent: optional(whole),
  rssBytesMax: optional(whole),
  tensors: optional(whole),
};

const summarySpec: Spec = {
  type: { oneOf: ['summary'] },
  format: { oneOf: [SUMMARY_FORMAT] },
  name: text,
  mode: { oneOf: ['swarm', 'simulate', 'peer'] },
  seed: whole,
  backend: text,
  rounds: whole,
  startRound: optional(whole),
  endReason: { oneOf: ['rounds', 'seconds', 'target-accuracy', 'interrupted', 'failed'] },
  wallSeconds: 'number',
  cpuSeconds: optional('number'),
  accuracy: shape({
    set: { oneOf: ['global', 'own'] },
    alone: optional(spread),
    together: optional(spread),
    pooled: optional('number'),
  }),
  consensusDistance: 'number',
  bytesSent: whole,
  messagesSent: whole,
  aggregate: optional(list(shape({ ...aggregatedFields, silos: list(text), attempts: optional(whole) }))),
  peers: list(shape(peerSpec)),
};

/** `summary.json` as text: indented, with a newline at its end. */
export function formatSummary(summary: RunSummary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/**
 * Reads `summary.json`; keys it does not know are kept, so that an older reader shows a newer record.
 * Throws InputError `summary-invalid` that names every field at fault.
 */
export function parseSummary(content: string, file: string): RunSummary {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new InputError(
      'summary-invalid',
      `${file} is not JSON: was the run cut off while writing it?`,
      { file },
      { cause },
    );
  }
  const problems = check(shape(summarySpec), value, '');
  if (problems.length > 0) {
    throw new InputError(
      'summary-invalid',
      `${file} is not a summary of a run:\n  ${problems.join('\n  ')}`,
      { file, problems },
    );
  }
  return value as RunSummary;
}

/** Mean and worst of some accuracies; undefined for none. */
export function spreadOf(accuracies: readonly (number | undefined)[]): Spread | undefined {
  const known = accuracies.filter((accuracy) => accuracy !== undefined);
  if (known.length === 0) return undefined;
  return { mean: known.reduce((sum, value) => sum + value, 0) / known.length, worst: Math.min(...known) };
}
