/** Where a swarm stands: per round who has done it, how accurate, how far apart, how many bytes; from what children report. */
import type { RoundRecord } from '../record/records.ts';

export interface Standing {
  /** The last round that every live peer has completed. */
  readonly round: number;
  readonly rounds: number;
  /** Accuracy after that round: the global test set where there is one, else each silo's own. */
  readonly accuracy: { readonly mean: number; readonly worst: number } | undefined;
  /** Mean over peers of ‖xᵢ − x̄‖², estimated from sketches. */
  readonly consensusDistance: number | undefined;
  readonly bytesSent: number;
  /** Names of peers that somebody cannot go on without. */
  readonly waitedFor: readonly string[];
}

interface Report {
  readonly accuracy: number | undefined;
  readonly sketch: readonly number[];
}

export class RoundBoard {
  readonly #rounds: number;
  readonly #live: Set<number>;
  /** Reports of rounds from the last complete one on, by round, then peer. */
  readonly #reports = new Map<number, Map<number, Report>>();
  readonly #latest: number[];
  readonly #waiting: (readonly number[])[];
  #bytesSent = 0;

  constructor(peerCount: number, rounds: number) {
    this.#rounds = rounds;
    this.#live = new Set(Array.from({ length: peerCount }, (_, peer) => peer));
    this.#latest = new Array<number>(peerCount).fill(0);
    this.#waiting = Array.from({ length: peerCount }, () => []);
  }

  round(peer: number, record: RoundRecord, sketch: readonly number[]): void {
    this.#bytesSent += record.bytesSent;
    this.#latest[peer] = Math.max(this.#latest[peer] ?? 0, record.round);
    const reports = this.#reports.get(record.round) ?? new Map<number, Report>();
    reports.set(peer, { accuracy: record.globalTest ?? record.ownTest, sketch });
    this.#reports.set(record.round, reports);
  }

  waiting(peer: number, peers: readonly number[]): void {
    this.#waiting[peer] = peers;
  }

  lost(peer: number): void {
    this.#live.delete(peer);
    this.#waiting[peer] = [];
  }

  standing(names: readonly string[]): Standing {
    const round = Math.min(...[...this.#live].map((peer) => this.#latest[peer] ?? 0));
    for (const old of this.#reports.keys()) if (old < round) this.#reports.delete(old);
    const reports = [...(this.#reports.get(round)?.entries() ?? [])]
      .filter(([peer]) => this.#live.has(peer))
      .map(([, report]) => report);
    const waitedFor = [...new Set(this.#waiting.flat())].sort((a, b) => a - b);
    return {
      round,
      rounds: this.#rounds,
      accuracy: spreadOf(reports.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]))),
      consensusDistance: spreadOfSketches(reports.map(({ sketch }) => sketch)),
      bytesSent: this.#bytesSent,
      waitedFor: waitedFor.map((peer) => names[peer] ?? `peer ${peer}`),
    };
  }
}

function spreadOf(values: readonly number[]): { mean: number; worst: number } | undefined {
  if (values.length === 0) return undefined;
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, worst: Math.min(...values) };
}

function spreadOfSketches(sketches: readonly (readonly number[])[]): number | undefined {
  const [first] = sketches;
  if (first === undefined) return undefined;
  let sum = 0;
  for (let bucket = 0; bucket < first.length; bucket++) {
    const values = sketches.map((sketch) => sketch[bucket] ?? 0);
    const mean = values.reduce((total, value) => total + value, 0) / values.length;
    for (const value of values) sum += (value - mean) ** 2;
  }
  return sum / sketches.length;
}
