/**
 * What a driver writes down of a peer: the event log, one line a round, refusals and notices (bounded per kind), and the sums
 * that its final report is made of. A line is out before the actions that it caused.
 */
import type { Aggregated } from './aggregated.ts';
import { formatRecord, type RoundRecord, type RunRecord } from './records.ts';

/** What the record keeps: the summary only, one line a round too, or every event (which a replay needs). */
export type RecordLevel = 'summary' | 'rounds' | 'all';

/** Lines per kind of refusal or notice; further ones are only counted. */
const LINES_PER_KIND_MAX = 100;

/** What the record needs to know of an evaluation. */
interface Judged {
  /** Undefined where the set is empty. */
  readonly accuracy: number | undefined;
  readonly loss: number | undefined;
}

export interface RoundEvaluation<Of extends Judged = Judged> {
  readonly own: Of;
  readonly global: Of;
}

/** A completed round as the peer notes it; times are the driver's clock. */
export interface NotedRound {
  /** From 0. */
  readonly round: number;
  readonly beganMs: number;
  readonly trainMs: number;
  readonly endedMs: number;
  readonly loss: number;
  readonly excluded: readonly { readonly peer: number; readonly reason: string }[];
}

/** Sums over the peer's life. */
export interface SentSoFar {
  readonly dataBytesSent: number;
  readonly framesSent: number;
}

export interface RecorderTotals {
  readonly refusals: Record<string, number>;
  readonly notices: Record<string, number>;
  /** What a fault schedule did to this peer, its links and its messages, by kind. */
  readonly faults: Record<string, number>;
  readonly exclusions: Record<string, number>;
  /** Pair exchanges that may be half, and how far this peer moved alone in them. */
  readonly halfExchanges: { count: number; drift: number };
  trainMs: number;
  exchangeMs: number;
  waitMs: number;
}

export class Recorder {
  readonly totals: RecorderTotals = {
    refusals: {},
    notices: {},
    faults: {},
    exclusions: {},
    halfExchanges: { count: 0, drift: 0 },
    trainMs: 0,
    exchangeMs: 0,
    waitMs: 0,
  };
  readonly #peer: number;
  readonly #level: RecordLevel;
  readonly #append: (line: string) => void;
  #events = 0;
  #bytesSent = 0;
  #messagesSent = 0;
  #exchangeMs = 0;

  constructor(options: { peer: number; level: RecordLevel }, append: (line: string) => void) {
    this.#peer = options.peer;
    this.#level = options.level;
    this.#append = append;
  }

  write(record: RunRecord): void {
    this.#append(formatRecord(record));
  }

  event(event: unknown, nowMs: number): void {
    const sequence = this.#events++;
    if (this.#level === 'all') this.write({ type: 'event', peer: this.#peer, sequence, nowMs, event });
  }

  refusal(from: number | undefined, reason: string, detail: string, nowMs: number): void {
    const count = bump(this.totals.refusals, reason);
    if (count > LINES_PER_KIND_MAX) return;
    const sender = from === undefined ? {} : { from };
    this.write({ type: 'refusal', peer: this.#peer, ...sender, reason, detail, nowMs });
  }

  notice(what: string, round: number, nowMs: number, more: { other?: number; detail?: string } = {}): void {
    const count = bump(this.totals.notices, what);
    if (count <= LINES_PER_KIND_MAX)
      this.write({ type: 'notice', peer: this.#peer, what, round, nowMs, ...more });
  }

  /** An exchange that may be half; `drift` where this peer moved alone. Its notice says the same of one of them. */
  halfExchange(drift = 0): void {
    this.totals.halfExchanges.count += 1;
    this.totals.halfExchanges.drift += drift;
  }

  /** A fault that hit this peer, its link to `other`, or a message for it; a notice too, as `fault-…`. */
  fault(kind: string, round: number, nowMs: number, other?: number): void {
    bump(this.totals.faults, kind);
    this.notice(`fault-${kind}`, round, nowMs, other === undefined ? {} : { other });
  }

  /** What all peers found together. */
  aggregated(found: Aggregated, nowMs: number): void {
    this.write({ type: 'aggregate', peer: this.#peer, ...found, nowMs });
  }

  /** Time spent in mixing, encoding and sending. */
  exchanged(elapsedMs: number): void {
    this.#exchangeMs += elapsedMs;
  }

  /** The line of a completed round; its evaluation, if there is one, is added by `finishRound`. */
  round(note: NotedRound, counters: SentSoFar): RoundRecord {
    const wholeMs = note.endedMs - note.beganMs;
    const exchangeMs = Math.min(this.#exchangeMs, Math.max(0, wholeMs - note.trainMs));
    const waitMs = Math.max(0, wholeMs - note.trainMs - exchangeMs);
    this.#exchangeMs = 0;
    this.totals.trainMs += note.trainMs;
    this.totals.exchangeMs += exchangeMs;
    this.totals.waitMs += waitMs;
    for (const { reason } of note.excluded) bump(this.totals.exclusions, reason);
    const record: RoundRecord = {
      type: 'round',
      peer: this.#peer,
      round: note.round + 1,
      loss: Number.isFinite(note.loss) ? note.loss : null,
      excluded: note.excluded,
      bytesSent: counters.dataBytesSent - this.#bytesSent,
      messagesSent: counters.framesSent - this.#messagesSent,
      nowMs: note.endedMs,
      trainMs: note.trainMs,
      waitMs,
      mixMs: exchangeMs,
    };
    this.#bytesSent = counters.dataBytesSent;
    this.#messagesSent = counters.framesSent;
    return record;
  }

  finishRound(record: RoundRecord, evaluation: RoundEvaluation | undefined): RoundRecord {
    const own = evaluation?.own.accuracy;
    const { accuracy: global, loss } = evaluation?.global ?? {};
    const judgedByLoss = global === undefined && loss !== undefined && Number.isFinite(loss);
    const complete: RoundRecord = {
      ...record,
      ...(own === undefined ? {} : { ownTest: own }),
      ...(global === undefined ? {} : { globalTest: global }),
      ...(judgedByLoss ? { globalLoss: loss } : {}),
    };
    if (this.#level !== 'summary') this.write(complete);
    return complete;
  }
}

function bump(counts: Record<string, number>, key: string): number {
  const count = (counts[key] ?? 0) + 1;
  counts[key] = count;
  return count;
}
