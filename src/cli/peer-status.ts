/** What `grapevine peer` shows while it runs: where this silo is, where the others are, who is waited for, what was refused. */
import type { OtherPeer } from '../node/presence.ts';
import type { PeerWatcher } from '../node/run-peer.ts';
import type { RoundRecord } from '../record/index.ts';
import type { Progress } from './progress.ts';

/** Others named on the line. */
const OTHERS_MAX = 6;
/** Kinds of refusals told in words; all are counted in the record. */
const REFUSALS_MAX = 20;

export class PeerStatusLine implements PeerWatcher {
  readonly #names: readonly string[];
  readonly #rounds: number | undefined;
  readonly #progress: Progress;
  readonly #refusals = new Set<string>();
  #round = 0;
  #loss: number | null = null;
  #accuracy: { readonly own?: number; readonly global?: number } = {};
  #others: readonly OtherPeer[] = [];
  #waiting: readonly number[] = [];
  #nobody = false;

  /** `names` by index in the membership; `rounds` absent where the run ends by time or goal. */
  constructor(names: readonly string[], rounds: number | undefined, progress: Progress) {
    this.#names = names;
    this.#rounds = rounds;
    this.#progress = progress;
  }

  /** The round that this silo goes on from. */
  startsAt(round: number): void {
    this.#round = round;
  }

  onRound(record: RoundRecord): void {
    this.#round = record.round;
    this.#loss = record.loss;
    this.#accuracy = {
      ...this.#accuracy,
      ...(record.ownTest === undefined ? {} : { own: record.ownTest }),
      ...(record.globalTest === undefined ? {} : { global: record.globalTest }),
    };
    this.#show();
  }

  onWaiting(peers: readonly number[]): void {
    if (peers.join() === this.#waiting.join()) return;
    this.#waiting = [...peers];
    this.#show();
  }

  onOthers(others: readonly OtherPeer[]): void {
    for (const { peer, up, round } of others) {
      const before = this.#others.find((other) => other.peer === peer)?.up ?? false;
      if (before === up) continue;
      this.#progress.note(`${this.#name(peer)} is ${up ? `up, in round ${round ?? 0}` : 'away'}`);
    }
    this.#others = others;
    if (others.some(({ up }) => up)) this.#nobody = false;
    this.#show();
  }

  onRefused(from: number | undefined, reason: string, detail: string): void {
    const kind = `${from} ${reason}`;
    if (this.#refusals.has(kind) || this.#refusals.size >= REFUSALS_MAX) return;
    this.#refusals.add(kind);
    const sender = from === undefined ? '' : ` from ${this.#name(from)}`;
    this.#progress.note(`refused${sender}: ${reason}: ${printable(detail)} (further ones are only counted)`);
  }

  onUnreachable(peer: number, reason: string): void {
    this.#progress.note(`cannot reach ${this.#name(peer)} ${printable(reason)}; trying again`);
  }

  onNobody(): void {
    this.#nobody = true;
    this.#progress.note('no neighbour is there: waiting for one of them to come back');
  }

  /** Whether no neighbour has been there. */
  get nobody(): boolean {
    return this.#nobody;
  }

  onNote(text: string): void {
    this.#progress.note(text);
  }

  #show(): void {
    const rounds = this.#rounds === undefined ? '' : `/${this.#rounds}`;
    const parts = [`round ${this.#round}${rounds}`];
    if (this.#loss !== null) parts.push(`loss ${this.#loss.toPrecision(3)}`);
    const { own, global } = this.#accuracy;
    if (own !== undefined) parts.push(`own test ${percent(own)}`);
    if (global !== undefined) parts.push(`shared test ${percent(global)}`);
    if (this.#others.length > 0) parts.push(this.#whoIsWhere());
    if (this.#waiting.length > 0)
      parts.push(`waiting for ${this.#waiting.map((peer) => this.#name(peer)).join(', ')}`);
    this.#progress.update(parts.join(' · '));
  }

  #whoIsWhere(): string {
    const shown = this.#others.slice(0, OTHERS_MAX).map(({ peer, up, round, status }) => {
      if (round === undefined) return `${this.#name(peer)} not seen yet`;
      const accuracy = status?.accuracy === undefined ? '' : ` (${percent(status.accuracy)})`;
      // Who is no neighbour has no link here: it is heard through others.
      return `${this.#name(peer)} ${round}${accuracy}${up || status !== undefined ? '' : ' away'}`;
    });
    return `${shown.join(', ')}${this.#others.length > OTHERS_MAX ? ' …' : ''}`;
  }

  #name(peer: number): string {
    return this.#names[peer] ?? `peer ${peer}`;
  }
}

/** The other side may have chosen these words: none of them is a command to this terminal. */
function printable(words: string): string {
  return words.replace(/\p{Cc}/gu, '?');
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
