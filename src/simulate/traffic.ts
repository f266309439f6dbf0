/**
 * Accounts of what was sent, by sender and fate, in flat arrays: a hundred thousand peers cost a few megabytes. Every copy ends in
 * exactly one column, so that
 *   sent + duplicated = delivered + Σ lost + Σ refused + underWay.
 */
import type { MessageFate } from './observer.ts';
import type { LossReason, RefusalReason, Traffic } from './result.ts';

const LOSSES: readonly LossReason[] = ['loss', 'partition', 'link-broken', 'peer-down'];
const REFUSALS: readonly RefusalReason[] = ['link-down', 'queue-full', 'not-a-neighbour', 'corrupt'];
/** Columns: sent, duplicated, delivered, losses, refusals. */
const DELIVERED = 2;
const LOST = 3;
const REFUSED = LOST + LOSSES.length;
const COLUMNS = REFUSED + REFUSALS.length;

export class TrafficAccounts {
  readonly #counts: Float64Array;
  /** Sent and delivered, by sender. */
  readonly #bytes: Float64Array;
  #underWay = 0;

  constructor(peerCount: number) {
    this.#counts = new Float64Array(peerCount * COLUMNS);
    this.#bytes = new Float64Array(peerCount * 2);
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** One message to one receiver; `duplicate`: a copy that a fault added. */
  sent(from: number, frameBytes: number, duplicate: boolean): void {
    this.#counts[from * COLUMNS + (duplicate ? 1 : 0)]! += 1;
    if (!duplicate) this.#bytes[2 * from]! += frameBytes;
    this.#underWay += 1;
  }

  decided(from: number, fate: MessageFate, frameBytes: number): void {
    this.#counts[from * COLUMNS + columnOf(fate)]! += 1;
    if (fate.kind === 'delivered') this.#bytes[2 * from + 1]! += frameBytes;
    this.#underWay -= 1;
  }

  of(peer: number): Traffic {
    const start = peer * COLUMNS;
    const counts = this.#counts.subarray(start, start + COLUMNS);
    return trafficOf(counts, this.#bytes[2 * peer]!, this.#bytes[2 * peer + 1]!);
  }

  total(): Traffic {
    const counts = new Float64Array(COLUMNS);
    this.#counts.forEach((count, index) => {
      counts[index % COLUMNS]! += count;
    });
    const bytes = [0, 0];
    this.#bytes.forEach((count, index) => {
      bytes[index % 2]! += count;
    });
    return trafficOf(counts, bytes[0]!, bytes[1]!);
  }
}

function columnOf(fate: MessageFate): number {
  if (fate.kind === 'delivered') return DELIVERED;
  return fate.kind === 'lost' ? LOST + LOSSES.indexOf(fate.reason) : REFUSED + REFUSALS.indexOf(fate.reason);
}

function trafficOf(counts: Float64Array, sentBytes: number, deliveredBytes: number): Traffic {
  const [sent, duplicated, delivered] = counts as unknown as [number, number, number];
  const decided = counts.subarray(DELIVERED).reduce((sum, count) => sum + count, 0);
  return {
    sent,
    duplicated,
    delivered,
    lost: named(LOSSES, counts.subarray(LOST)),
    refused: named(REFUSALS, counts.subarray(REFUSED)),
    underWay: sent + duplicated - decided,
    sentBytes,
    deliveredBytes,
  };
}

function named<Reason extends string>(reasons: readonly Reason[], counts: Float64Array) {
  return Object.fromEntries(reasons.map((reason, index) => [reason, counts[index]!])) as Record<
    Reason,
    number
  >;
}
