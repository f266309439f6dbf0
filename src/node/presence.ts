/**
 * Who is where: tells others this peer's status on the control plane, reads theirs, and keeps which neighbours are up and which
 * are done, so that a peer whose rounds are over knows how long it is still needed. At most one status a second, the last one
 * at once.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { decodeStatus, encodeStatus, type PeerStatus } from '../wire/status.ts';

const INTERVAL_MS = 1_000;

/** What others may learn about this silo's data, by name. */
export interface Shared {
  readonly samples?: number;
  readonly labelCounts?: readonly number[];
  /** Whether the accuracy on the own held-out samples is told. */
  readonly accuracy: boolean;
}

export interface PresenceOptions {
  readonly neighbours: readonly number[];
  /** A neighbour that greets with this round is done. */
  readonly rounds: number;
  readonly shared: Shared;
}

/** What is known about another member. */
export interface OtherPeer {
  readonly peer: number;
  readonly up: boolean;
  /** Rounds completed, as it last said; undefined if it was never heard. */
  readonly round: number | undefined;
  readonly finished: boolean;
  readonly status: PeerStatus | undefined;
}

/** Why a peer whose rounds are done may go. */
export type Settled = 'finished' | 'away' | 'waited';

interface Other {
  up: boolean;
  round: number | undefined;
  finished: boolean;
  downSinceMs: number;
  status: PeerStatus | undefined;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #clock: Clock;
  readonly #publish: (message: Uint8Array) => void;
  readonly #others = new Map<number, Other>();
  readonly #listeners = new Set<() => void>();
  #own: PeerStatus = { round: 0, finished: false };
  #timer: Timer | undefined;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    options: PresenceOptions,
    { clock, publish }: { clock: Clock; publish: (message: Uint8Array) => void },
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#publish = publish;
    const { samples, labelCounts } = options.shared;
    this.#own = {
      ...this.#own,
      ...(samples === undefined ? {} : { samples }),
      ...(labelCounts === undefined ? {} : { labelCounts }),
    };
    for (const peer of options.neighbours) this.#other(peer);
  }

  /** Called whenever something about others changes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  others(): OtherPeer[] {
    return [...this.#others]
      .map(([peer, { up, round, finished, status }]) => ({ peer, up, round, finished, status }))
      .sort((a, b) => a.peer - b.peer);
  }

  announce(round: number): void {
    this.#own = { ...this.#own, round };
    // The peer's finish follows at once and says it again.
    if (round < this.#options.rounds) this.#publishSoon();
  }

  finish(): void {
    this.#own = { ...this.#own, finished: true };
    this.#publishNow();
  }

  evaluated(accuracy: number | undefined): void {
    if (accuracy !== undefined && this.#options.shared.accuracy) this.#own = { ...this.#own, accuracy };
  }

  linkUp(peer: number, round: number): void {
    const other = this.#other(peer);
    other.up = true;
    other.round = round;
    other.finished = round >= this.#options.rounds;
    this.#publishSoon();
    this.#changed();
  }

  linkDown(peer: number): void {
    const other = this.#other(peer);
    other.up = false;
    other.downSinceMs = this.#clock.now();
    this.#changed();
  }

  /** Takes another peer's message; the problem, if it makes no sense. */
  control(from: number, message: Uint8Array): string | undefined {
    const decoded = decodeStatus(message);
    if (!decoded.ok) return decoded.detail;
    const { status } = decoded;
    const other = this.#other(from);
    other.status = status;
    other.round = status.round;
    other.finished = status.finished;
    this.#changed();
    return undefined;
  }

  /**
   * Resolves when this peer is not needed any more: each neighbour is done, or has been away for `awayMs`; at the latest after
   * `lingerMs`, or when `signal` aborts.
   */
  settled(limits: { lingerMs: number; awayMs: number }, signal: AbortSignal): Promise<Settled> {
    return new Promise((resolve) => {
      let recheck: Timer | undefined;
      const end = (why: Settled): void => {
        recheck?.cancel();
        last.cancel();
        unsubscribe();
        resolve(why);
      };
      const look = (): void => {
        recheck?.cancel();
        const open = this.#unfinishedNeighbours();
        if (open.length === 0) return end('finished');
        const waitMs = Math.max(
          ...open.map(({ up, downSinceMs }) =>
            up ? Number.POSITIVE_INFINITY : downSinceMs + limits.awayMs - this.#clock.now(),
          ),
        );
        if (waitMs <= 0) return end('away');
        if (Number.isFinite(waitMs)) recheck = this.#clock.after(waitMs, look);
      };
      const last = this.#clock.after(limits.lingerMs, () => end('waited'));
      const unsubscribe = this.subscribe(look);
      signal.addEventListener('abort', () => end('waited'), { once: true });
      if (signal.aborted) return end('waited');
      look();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #unfinishedNeighbours(): Other[] {
    return this.#options.neighbours.map((peer) => this.#other(peer)).filter(({ finished }) => !finished);
  }

  #other(peer: number): Other {
    let other = this.#others.get(peer);
    if (other === undefined) {
      const downSinceMs = this.#clock.now();
      other = { up: false, round: undefined, finished: false, downSinceMs, status: undefined };
      this.#others.set(peer, other);
    }
    return other;
  }

  #publishSoon(): void {
    const waitMs = this.#publishedAtMs + INTERVAL_MS - this.#clock.now();
    if (waitMs <= 0) return this.#publishNow();
    this.#timer ??= this.#clock.after(waitMs, () => this.#publishNow());
  }

  #publishNow(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed) return;
    this.#publishedAtMs = this.#clock.now();
    this.#publish(encodeStatus(this.#own));
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
