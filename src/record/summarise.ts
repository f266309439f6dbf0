/** From what is known of each peer at its end to the run's summary; the same for processes and for virtual time. */

import type { Aggregated } from './aggregated.ts';
import type { RecorderTotals } from './recorder.ts';
import {
  type AggregateSummary,
  type EndReason,
  type PeerSummary,
  type RunMode,
  type RunSummary,
  SUMMARY_FORMAT,
  spreadOf,
  type TestAccuracy,
} from './summary.ts';

/** A model judged on one set. */
interface Judged {
  /** Undefined where the set is empty. */
  readonly accuracy: number | undefined;
}

/** What a peer knows of itself at its end. */
export interface PeerOutcome {
  readonly reason: 'rounds' | 'seconds' | 'target-accuracy' | 'stopped';
  readonly round: number;
  readonly backend: string;
  readonly own: Judged | undefined;
  readonly global: Judged | undefined;
  readonly paramsSha256: string;
  readonly totals: RecorderTotals;
  readonly aggregated: readonly Aggregated[];
  readonly sent: { readonly bytes: number; readonly messages: number };
  /** From the peer's start to its end, on its driver's clock. */
  readonly wallMs: number;
  /** What only a process of its own has; goes into its line as it is. */
  readonly host?: Partial<PeerSummary>;
}

export interface RunOutcome {
  readonly name: string;
  readonly mode: RunMode;
  readonly seed: number;
  /** Whether there is a test set that all peers are judged by. */
  readonly hasGlobalTest: boolean;
  /** Each peer's name and number of training samples, by peer. */
  readonly members: readonly {
    readonly name: string;
    readonly samples: number;
    /** What was done to the peer from outside, by kind: it may not have lived to write it down. */
    readonly faults?: Readonly<Record<string, number>>;
  }[];
  /** By peer; undefined for one that died and was not started again. */
  readonly peers: readonly (PeerOutcome | undefined)[];
  readonly interrupted: boolean;
  /** The least that a peer went on from, where the run was taken up again; 0 where it was begun. `wallMs` and all traffic begin there. */
  readonly startRound: number;
  /** By peer; empty where nobody asked. */
  readonly alone: readonly { readonly own?: Judged; readonly global?: Judged }[];
  readonly pooled: Judged | undefined;
  readonly wallMs: number;
  readonly cpuSeconds?: number;
  /** Mean over peers of ‖xᵢ − x̄‖². */
  readonly consensusDistance: number;
}

export function summariseRun(run: RunOutcome): RunSummary {
  const { name, mode, seed, members, cpuSeconds } = run;
  const ended = run.peers.filter((peer) => peer !== undefined);
  const set = run.hasGlobalTest ? 'global' : 'own';
  const peers = run.peers.map((peer, index) => peerSummary(members[index]!, peer, run.alone[index]));
  const together = spreadOf(peers.map((peer) => accuracyOf(peer, set)));
  const alone = spreadOf(peers.map((peer) => accuracyOf(peer.alone ?? {}, set)));
  const pooled = run.pooled?.accuracy;
  return {
    type: 'summary',
    format: SUMMARY_FORMAT,
    name,
    mode,
    seed,
    backend: [...new Set(ended.map(({ backend }) => backend))].join('+'),
    rounds: Math.min(...staying(ended).map(({ round }) => round), ...(ended.length === 0 ? [0] : [])),
    ...(run.startRound > 0 ? { startRound: run.startRound } : {}),
    endReason: endReasonOf(run),
    wallSeconds: run.wallMs / 1000,
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    accuracy: {
      set,
      ...(alone === undefined ? {} : { alone }),
      ...(together === undefined ? {} : { together }),
      ...(pooled === undefined ? {} : { pooled }),
    },
    consensusDistance: run.consensusDistance,
    bytesSent: ended.reduce((sum, { sent }) => sum + sent.bytes, 0),
    messagesSent: ended.reduce((sum, { sent }) => sum + sent.messages, 0),
    ...aggregatesOf(run, ended),
    peers,
  };
}

function aggregatesOf({ members }: RunOutcome, ended: readonly PeerOutcome[]): Pick<RunSummary, 'aggregate'> {
  const kinds = [...new Set(ended.flatMap(({ aggregated }) => aggregated.map((found) => found.of)))];
  if (kinds.length === 0) return {};
  return { aggregate: kinds.map((kind) => aggregateOf(kind, members, staying(ended))) };
}

function aggregateOf(
  kind: Aggregated['of'],
  members: RunOutcome['members'],
  ended: readonly PeerOutcome[],
): AggregateSummary {
  const found = ended.map(({ aggregated }) => aggregated.find((one) => one.of === kind));
  const exact = found.filter((one) => one?.exact === true) as Aggregated[];
  const shown = exact[0];
  return {
    of: kind,
    exact: exact.length === ended.length,
    silos: (shown?.silos ?? []).map((peer) => members[peer]?.name ?? `peer ${peer}`),
    ...(shown === undefined
      ? {}
      : { weightError: Math.max(...exact.map(({ weightError = 0 }) => weightError)) }),
    ...(shown?.metrics === undefined ? {} : { metrics: shown.metrics }),
  };
}

function endReasonOf({ interrupted, peers }: RunOutcome): EndReason {
  if (interrupted) return 'interrupted';
  const reason = staying(peers.filter((peer) => peer !== undefined))[0]?.reason ?? 'failed';
  return reason === 'stopped' ? 'interrupted' : reason;
}

/** Those that did not leave before the run's end, where there are any. */
function staying(ended: readonly PeerOutcome[]): readonly PeerOutcome[] {
  const stayed = ended.filter(({ reason }) => reason !== 'stopped');
  return stayed.length > 0 ? stayed : ended;
}

function faultsOf(faults: Readonly<Record<string, number>>): Pick<PeerSummary, 'faults'> {
  return Object.keys(faults).length === 0 ? {} : { faults };
}

function peerSummary(
  { name, samples, faults = {} }: RunOutcome['members'][number],
  peer: PeerOutcome | undefined,
  alone: RunOutcome['alone'][number] | undefined,
): PeerSummary {
  const base = {
    name,
    samples,
    ...(alone === undefined ? {} : { alone: testAccuracy(alone.own, alone.global) }),
  };
  if (peer === undefined) return { ...base, ...NOTHING, ...faultsOf(faults) };
  const { totals, sent, wallMs } = peer;
  const share = (spentMs: number): number => (wallMs === 0 ? 0 : Math.min(1, spentMs / wallMs));
  return {
    ...base,
    ...testAccuracy(peer.own, peer.global),
    rounds: peer.round,
    bytesSent: sent.bytes,
    messagesSent: sent.messages,
    paramsSha256: peer.paramsSha256,
    exclusions: Object.values(totals.exclusions).reduce((sum, count) => sum + count, 0),
    exclusionsByReason: totals.exclusions,
    refusals: totals.refusals,
    ...(totals.halfExchanges.count === 0 ? {} : { halfExchanges: totals.halfExchanges }),
    ...faultsOf({ ...totals.faults, ...faults }),
    ...(peer.aggregated.length === 0 ? {} : { aggregate: peer.aggregated }),
    timeShare: {
      training: share(totals.trainMs),
      waiting: share(totals.waitMs),
      exchanging: share(totals.exchangeMs),
    },
    backend: peer.backend,
    ...peer.host,
  };
}

/** A peer that died and left no report. */
const NOTHING = {
  rounds: 0,
  bytesSent: 0,
  messagesSent: 0,
  paramsSha256: '',
  exclusions: 0,
  exclusionsByReason: {},
  refusals: {},
  backend: '',
} as const;

function testAccuracy(own: Judged | undefined, global: Judged | undefined): TestAccuracy {
  return {
    ...(own?.accuracy === undefined ? {} : { ownTest: own.accuracy }),
    ...(global?.accuracy === undefined ? {} : { globalTest: global.accuracy }),
  };
}

function accuracyOf(accuracy: TestAccuracy, set: 'global' | 'own'): number | undefined {
  return set === 'global' ? accuracy.globalTest : accuracy.ownTest;
}
