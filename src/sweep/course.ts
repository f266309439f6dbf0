/**
 * How a run went over time: at each instant at which a silo was judged, mean and least of what every silo reached when it was judged
 * last. Silos that keep no common pace are thus compared as they stood at one time, not in one round, which the slow ones do much later.
 */
import type { RoundRecord } from '../record/records.ts';

/** Where a run stood. */
export interface CoursePoint {
  /** The run's clock. */
  readonly seconds: number;
  /** Sent by all peers up to then. */
  readonly bytes: number;
  readonly mean: number;
  readonly worst: number;
}

export interface Course {
  /** Ascending in seconds, so many at most that a plot can show. */
  readonly points: readonly CoursePoint[];
  /** The first points at which mean and worst were at the target. */
  readonly meanReached?: CoursePoint;
  readonly worstReached?: CoursePoint;
}

const POINTS_MAX = 2_000;

/** From when every silo that is ever judged has been; empty where none is. `target`: accuracy. */
export function courseOf(rounds: readonly RoundRecord[], target = Number.POSITIVE_INFINITY): Course {
  const records = inTime(rounds);
  const standing = new Standing(records);
  const points: CoursePoint[] = [];
  for (const [index, { record, nowMs }] of records.entries()) {
    standing.take(record);
    // What happens at the same time is one point.
    if (records[index + 1]?.nowMs === nowMs || !standing.changed) continue;
    points.push(standing.point(nowMs / 1000));
  }
  const meanReached = points.find(({ mean }) => mean >= target);
  const worstReached = points.find(({ worst }) => worst >= target);
  return {
    points: thinned(points),
    ...(meanReached === undefined ? {} : { meanReached }),
    ...(worstReached === undefined ? {} : { worstReached }),
  };
}

interface Timed {
  readonly record: RoundRecord;
  readonly nowMs: number;
}

/** A process that was started again counts from 0: its time goes on from where it was. */
function inTime(rounds: readonly RoundRecord[]): Timed[] {
  const last = new Map<number, { nowMs: number; beforeMs: number }>();
  const timed = rounds.map((record): Timed => {
    const { peer, nowMs: ownMs = 0 } = record;
    const earlier = last.get(peer) ?? { nowMs: 0, beforeMs: 0 };
    const beforeMs = ownMs + earlier.beforeMs < earlier.nowMs ? earlier.nowMs : earlier.beforeMs;
    const nowMs = beforeMs + ownMs;
    last.set(peer, { nowMs, beforeMs });
    return { record, nowMs };
  });
  return timed.sort((a, b) => a.nowMs - b.nowMs);
}

/** What every silo has reached so far. */
class Standing {
  readonly #places = new Map<number, number>();
  /** A tree of least values over the silos: node n is the least of 2n and 2n + 1, silo i is at `#leaves` + i. */
  readonly #least: Float64Array;
  readonly #leaves: number;
  #unjudged: number;
  #sum = 0;
  #bytes = 0;
  #changed = false;

  constructor(records: readonly Timed[]) {
    for (const { record } of records) {
      if (accuracyOf(record) !== undefined && !this.#places.has(record.peer))
        this.#places.set(record.peer, this.#places.size);
    }
    this.#unjudged = this.#places.size;
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, this.#places.size)));
    this.#least = new Float64Array(2 * this.#leaves).fill(Number.POSITIVE_INFINITY);
  }

  take(record: RoundRecord): void {
    this.#bytes += record.bytesSent;
    const place = this.#places.get(record.peer);
    if (place === undefined) return;
    const accuracy = accuracyOf(record);
    if (accuracy === undefined) return;
    const before = this.#least[this.#leaves + place] as number;
    if (before === Number.POSITIVE_INFINITY) this.#unjudged -= 1;
    else this.#sum -= before;
    this.#sum += accuracy;
    this.#changed = true;
    this.#least[this.#leaves + place] = accuracy;
    for (let node = (this.#leaves + place) >> 1; node >= 1; node >>= 1)
      this.#least[node] = Math.min(this.#least[2 * node] as number, this.#least[2 * node + 1] as number);
  }

  /** Whether somebody was judged since the last point, and everybody at some time. */
  get changed(): boolean {
    return this.#changed && this.#unjudged === 0;
  }

  point(seconds: number): CoursePoint {
    this.#changed = false;
    return {
      seconds,
      bytes: this.#bytes,
      mean: this.#sum / this.#places.size,
      worst: this.#least[1] as number,
    };
  }
}

/** On the global test set where there is one. */
export function accuracyOf({ globalTest, ownTest }: RoundRecord): number | undefined {
  return globalTest ?? ownTest;
}

function thinned(points: readonly CoursePoint[]): readonly CoursePoint[] {
  if (points.length <= POINTS_MAX) return points;
  const step = (points.length - 1) / (POINTS_MAX - 1);
  return Array.from({ length: POINTS_MAX }, (_, index) => points[Math.round(index * step)] as CoursePoint);
}
