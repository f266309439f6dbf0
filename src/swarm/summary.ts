/** From what the peers report at their end to the run's summary. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatingError } from '../base/errors.ts';
import { PARAMS_FILE, type PeerReport } from '../node/run-peer.ts';
import { squaredDistance } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import { decodeSafetensors } from '../params/safetensors.ts';
import {
  type EndReason,
  type PeerSummary,
  type RunSummary,
  SUMMARY_FORMAT,
  spreadOf,
  type TestAccuracy,
} from '../record/index.ts';
import type { Evaluation } from '../train/trainer.ts';
import type { BaselineResult } from './protocol.ts';
import type { SwarmOutcome } from './swarm.ts';

export interface SummaryParts {
  readonly name: string;
  readonly seed: number;
  /** Whether there is a test set that all peers are judged by. */
  readonly hasGlobalTest: boolean;
  /** Each peer's name, folder and number of training samples, by peer. */
  readonly members: readonly { readonly name: string; readonly folder: string; readonly samples: number }[];
  readonly outcome: SwarmOutcome;
  /** CPU time of the launcher itself. */
  readonly launcherCpuSeconds: number;
}

export async function summarise(parts: SummaryParts): Promise<RunSummary> {
  const { name, seed, members, outcome } = parts;
  const { reports, baselines, wallMs } = outcome;
  const ended = reports.filter((report) => report !== undefined);
  const set = parts.hasGlobalTest ? 'global' : 'own';
  const peers = reports.map((report, peer) => peerSummary(members[peer]!, report, baselines.alone[peer]));
  const together = spreadOf(peers.map((peer) => accuracyOf(peer, set)));
  const alone = peers.map((peer) => accuracyOf(peer.alone ?? {}, set));
  const aloneSpread = spreadOf(alone);
  const pooled = baselines.pooled?.global?.accuracy;
  const backends = [...new Set(ended.map(({ backend }) => backend))];
  const folders = members.filter((_, peer) => reports[peer] !== undefined).map(({ folder }) => folder);
  return {
    type: 'summary',
    format: SUMMARY_FORMAT,
    name,
    mode: 'swarm',
    seed,
    backend: backends.join('+'),
    rounds: Math.min(...ended.map(({ round }) => round)),
    endReason: endReasonOf(outcome),
    wallSeconds: wallMs / 1000,
    cpuSeconds: ended.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, parts.launcherCpuSeconds),
    accuracy: {
      set,
      ...(aloneSpread === undefined ? {} : { alone: aloneSpread }),
      ...(together === undefined ? {} : { together }),
      ...(pooled === undefined ? {} : { pooled }),
    },
    consensusDistance: await consensusDistanceOf(folders),
    bytesSent: ended.reduce((sum, { counters }) => sum + counters.dataBytesSent, 0),
    messagesSent: ended.reduce((sum, { counters }) => sum + counters.framesSent, 0),
    peers,
  };
}

function endReasonOf({ interrupted, reports }: SwarmOutcome): EndReason {
  if (interrupted) return 'interrupted';
  const reason = reports.find((report) => report !== undefined)?.reason ?? 'failed';
  return reason === 'stopped' ? 'interrupted' : reason;
}

function peerSummary(
  { name, samples }: SummaryParts['members'][number],
  report: PeerReport | undefined,
  alone: BaselineResult | undefined,
): PeerSummary {
  const base = {
    name,
    samples,
    ...(alone === undefined ? {} : { alone: testAccuracy(alone.own, alone.global) }),
  };
  if (report === undefined) return { ...base, ...NOTHING };
  const { totals, counters, wallMs } = report;
  const share = (spentMs: number): number => Math.min(1, spentMs / wallMs);
  return {
    ...base,
    ...testAccuracy(report.own, report.global),
    rounds: report.round,
    bytesSent: counters.dataBytesSent,
    messagesSent: counters.framesSent,
    paramsSha256: report.paramsSha256,
    exclusions: Object.values(totals.exclusions).reduce((sum, count) => sum + count, 0),
    exclusionsByReason: totals.exclusions,
    refusals: totals.refusals,
    timeShare: {
      training: share(totals.trainMs),
      waiting: share(totals.waitMs),
      exchanging: share(totals.exchangeMs),
    },
    controlMessagesSent: counters.controlMessagesSent,
    controlMessagesForwarded: counters.controlMessagesForwarded,
    eventLoopDelayP99Ms: report.eventLoopDelayP99Ms,
    cpuSeconds: report.cpuSeconds,
    backend: report.backend,
    pid: report.pid,
    socketBytesSent: counters.socketBytesSent,
    rssBytesMax: report.rssBytesMax,
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

function testAccuracy(own: Evaluation | undefined, global: Evaluation | undefined): TestAccuracy {
  return {
    ...(own?.accuracy === undefined ? {} : { ownTest: own.accuracy }),
    ...(global?.accuracy === undefined ? {} : { globalTest: global.accuracy }),
  };
}

function accuracyOf(accuracy: TestAccuracy, set: 'global' | 'own'): number | undefined {
  return set === 'global' ? accuracy.globalTest : accuracy.ownTest;
}

/** Mean over peers of ‖xᵢ − x̄‖² from the saved params, read twice so that only one vector and the mean are in memory. */
async function consensusDistanceOf(folders: readonly string[]): Promise<number> {
  let mean: Float64Array | undefined;
  for (const folder of folders) {
    const params = await savedParams(folder);
    mean ??= new Float64Array(params.length);
    for (let index = 0; index < params.length; index++) mean[index]! += params[index]! / folders.length;
  }
  if (mean === undefined) return 0;
  let sum = 0;
  for (const folder of folders) sum += squaredDistance(await savedParams(folder), mean);
  return sum / folders.length;
}

async function savedParams(folder: string): Promise<Vector> {
  const path = join(folder, PARAMS_FILE);
  try {
    return decodeSafetensors(await readFile(path)).params;
  } catch (cause) {
    throw new OperatingError(
      'params-missing',
      `a peer ended, but its params in ${path} cannot be read`,
      { path },
      { cause },
    );
  }
}
