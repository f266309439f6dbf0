/** From what the peers report at their end to the run's summary. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatingError } from '../base/errors.ts';
import { PARAMS_FILE, type PeerReport } from '../node/run-peer.ts';
import { squaredDistance } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import { decodeSafetensors } from '../params/safetensors.ts';
import { type PeerOutcome, type RunSummary, summariseRun } from '../record/index.ts';
import type { SwarmOutcome } from './swarm.ts';

export interface SummaryParts {
  readonly name: string;
  readonly seed: number;
  /** Whether there is a test set that all peers are judged by. */
  readonly hasGlobalTest: boolean;
  /** Each peer's name, folder and number of training samples, by peer. */
  readonly members: readonly { readonly name: string; readonly folder: string; readonly samples: number }[];
  readonly outcome: SwarmOutcome;
  /** Whether the run was taken up again: its peers have gone on from rounds of an earlier one. */
  readonly isResumed: boolean;
  /** CPU time of the launcher itself. */
  readonly launcherCpuSeconds: number;
}

export async function summarise(parts: SummaryParts): Promise<RunSummary> {
  const { name, seed, hasGlobalTest, members, outcome, isResumed } = parts;
  const { reports, baselines, interrupted, wallMs } = outcome;
  const folders = members.filter((_, peer) => reports[peer] !== undefined).map(({ folder }) => folder);
  const cpuSeconds = reports.reduce(
    (sum, report) => sum + (report?.cpuSeconds ?? 0),
    parts.launcherCpuSeconds,
  );
  return summariseRun({
    name,
    mode: 'swarm',
    seed,
    hasGlobalTest,
    members: members.map((member, peer) => ({ ...member, faults: outcome.faults?.[peer] ?? {} })),
    peers: reports.map(outcomeOf),
    interrupted,
    startRound: isResumed ? startRoundOf(reports) : 0,
    alone: baselines.alone,
    pooled: baselines.pooled?.global,
    wallMs,
    cpuSeconds,
    consensusDistance: await consensusDistanceOf(folders),
  });
}

function startRoundOf(reports: SwarmOutcome['reports']): number {
  const rounds = reports.flatMap((report) => (report === undefined ? [] : [report.startRound]));
  return rounds.length === 0 ? 0 : Math.min(...rounds);
}

function outcomeOf(report: PeerReport | undefined): PeerOutcome | undefined {
  if (report === undefined) return undefined;
  const { counters, cpuSeconds, eventLoopDelayP99Ms, pid, rssBytesMax, tensors } = report;
  const { controlMessagesSent, controlMessagesForwarded, socketBytesSent } = counters;
  return {
    ...report,
    sent: { bytes: counters.dataBytesSent, messages: counters.framesSent },
    host: {
      controlMessagesSent,
      controlMessagesForwarded,
      eventLoopDelayP99Ms,
      cpuSeconds,
      pid,
      socketBytesSent,
      rssBytesMax,
      tensors,
    },
  };
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
