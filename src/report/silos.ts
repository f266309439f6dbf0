/** A run as one row per silo: from its summary or, where it has none yet, from what its logs say so far. */
import {
  type PeerSummary,
  type RoundRecord,
  spreadOf,
  type TestAccuracy,
  type TimeShare,
} from '../record/index.ts';
import type { Run } from './load.ts';

export interface SiloRow {
  readonly name: string;
  readonly samples?: number;
  readonly alone: TestAccuracy;
  readonly together: TestAccuracy;
  readonly rounds: number;
  readonly bytesSent: number;
  readonly timeShare?: TimeShare;
  readonly exclusions: number;
  readonly refusals: number;
}

export function siloRows(run: Run): SiloRow[] {
  return run.summary === undefined ? rowsSoFar(run) : run.summary.peers.map(rowOfSummary);
}

export function runName(run: Run): string {
  return run.summary?.name ?? run.info?.name ?? run.directory;
}

/** Mean and worst over silos of one accuracy. */
export function spreadOver(rows: readonly SiloRow[], model: 'alone' | 'together', set: keyof TestAccuracy) {
  return spreadOf(rows.map((row) => row[model][set]));
}

function rowOfSummary(peer: PeerSummary): SiloRow {
  const { name, samples, rounds, bytesSent, exclusions, timeShare } = peer;
  const refusals = Object.values(peer.refusals).reduce((sum, count) => sum + count, 0);
  const row = {
    name,
    samples,
    rounds,
    bytesSent,
    exclusions,
    refusals,
    alone: peer.alone ?? {},
    together: testOf(peer),
  };
  return timeShare === undefined ? row : { ...row, timeShare };
}

function rowsSoFar(run: Run): SiloRow[] {
  const peers = new Set([...run.silos, ...run.rounds].map(({ peer }) => peer));
  return [...peers]
    .sort((a, b) => a - b)
    .map((peer) => {
      const silo = run.silos.find((record) => record.peer === peer);
      const rounds = run.rounds.filter((record) => record.peer === peer);
      const row = {
        name: silo?.name ?? `peer ${peer}`,
        alone: {},
        together: testOf(
          rounds.findLast(({ ownTest, globalTest }) => ownTest !== undefined || globalTest !== undefined) ??
            {},
        ),
        rounds: rounds.at(-1)?.round ?? 0,
        bytesSent: sum(rounds, ({ bytesSent }) => bytesSent),
        exclusions: sum(rounds, ({ excluded }) => excluded.length),
        refusals: 0,
      };
      return silo === undefined ? row : { ...row, samples: silo.samples };
    });
}

function testOf({ ownTest, globalTest }: TestAccuracy): TestAccuracy {
  return {
    ...(ownTest === undefined ? {} : { ownTest }),
    ...(globalTest === undefined ? {} : { globalTest }),
  };
}

function sum(rounds: readonly RoundRecord[], of: (round: RoundRecord) => number): number {
  return rounds.reduce((total, round) => total + of(round), 0);
}
