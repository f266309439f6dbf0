/**
 * A Transport on which a fault schedule is played, at the sender: loss, copies, overtaking, delay, low capacity, turned bits,
 * partitions. The transport inside, its framing and its encryption are untouched: a turned bit is one of the message's head, which the
 * framing carries faithfully and the receiver's decoding refuses (any other bit would be the framing's to refuse, and is).
 * What is lost settles as sent, since nobody is told, and counts as sent. The control plane meets no faults: gossip finds its own way.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { cutsOf } from '../faults/deeds.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import { type Copy, createFaultPlayer, type FaultPlayer } from '../faults/player.ts';
import type { RunTime } from '../faults/run-time.ts';
import { frameBytes } from '../wire/framing.ts';
import { CutLinks } from './cut-links.ts';
import { oneAtATime, type SerialHandlers } from './handler-queue.ts';
import { HeldFrames } from './held-frames.ts';
import type {
  Frame,
  Greeting,
  SendOutcome,
  Transport,
  TransportCounters,
  TransportHandlers,
} from './transport.ts';

/** What is done to a message or a link of this peer. */
export type TransportFault =
  | 'loss'
  | 'partition'
  | 'duplicate'
  | 'reorder'
  | 'corrupt'
  | 'delay'
  | 'bandwidth'
  | 'cut'
  | 'heal';

export interface FaultyOptions {
  readonly self: number;
  readonly neighbours: readonly number[];
  readonly schedule: FaultSchedule;
  /** How often the schedule has started this peer again before this process. */
  readonly lives: number;
  /** When the run began; the first `connect` begins it where nobody has. */
  readonly time: RunTime;
  /** What a link carries where its capacity is not lowered, in Mbit/s; 1,000 where absent. */
  readonly linkMbps?: number;
  /** Told of each fault that hits. */
  readonly onFault?: (fault: TransportFault, peer: number) => void;
}

export interface FaultyDependencies {
  readonly clock: Clock;
}

const LINK_MBPS = 1_000;
/** Frames held back on one arc; further ones are refused as by a full queue. */
const HELD_MAX = 256;

type Settled = (peer: number, outcome: SendOutcome) => void;

export function faultyTransport(
  inner: Transport,
  options: FaultyOptions,
  dependencies: FaultyDependencies,
): Transport {
  return new FaultyTransport(inner, options, dependencies);
}

class FaultyTransport implements Transport {
  readonly #inner: Transport;
  readonly #options: FaultyOptions;
  readonly #player: FaultPlayer;
  readonly #held: ReadonlyMap<number, HeldFrames>;
  readonly #timers: Timer[] = [];
  readonly #swallowed = { framesSent: 0, dataBytesSent: 0 };
  #links: CutLinks | undefined;
  #handlers: SerialHandlers | undefined;
  #greeting: Greeting | undefined;
  #isStopped = false;

  constructor(inner: Transport, options: FaultyOptions, { clock }: FaultyDependencies) {
    const { self, neighbours, schedule, lives } = options;
    this.#inner = inner;
    this.#options = options;
    this.#player = createFaultPlayer(schedule, [], new Map([[self, lives]]));
    this.#held = new Map(neighbours.map((peer) => [peer, new HeldFrames(clock)]));
  }

  start(greeting: Greeting, handlers: TransportHandlers): Promise<readonly string[]> {
    this.#greeting = greeting;
    const serial = oneAtATime(handlers);
    this.#handlers = serial;
    const links = new CutLinks(this.#options.neighbours, {
      handlers: serial,
      send: (peer, frame) => this.#inner.send([peer], frame, () => undefined),
      greeting: () => this.#greeting ?? greeting,
    });
    this.#links = links;
    return this.#inner.start(greeting, {
      linkUp: (peer, theirs) => links.linkUp(peer, theirs),
      linkDown: (peer, reason) => {
        this.#held.get(peer)?.drop();
        links.linkDown(peer, reason);
      },
      unreachable: (peer, reason) => serial.unreachable(peer, reason),
      frame: (from, frame) => {
        if (links.passes(from, frame)) serial.frame(from, frame);
      },
      control: (from, message) => serial.control(from, message),
      refused: (from, reason, detail) => serial.refused(from, reason, detail),
    });
  }

  connect(addresses: ReadonlyMap<number, readonly string[]>): void {
    if (this.#timers.length === 0) this.#planCuts();
    this.#options.time.begin();
    this.#inner.connect(addresses);
  }

  admit(peer: number, isAdmitted: boolean): void {
    this.#inner.admit?.(peer, isAdmitted);
  }

  setRound(round: number): void {
    if (this.#greeting !== undefined) this.#greeting = { ...this.#greeting, round };
    this.#inner.setRound(round);
  }

  send(to: readonly number[], frame: Frame, settled: Settled): void {
    // What no fault touches goes together, so that the transport inside frames it once.
    const untouched = to.filter((peer) => !this.#touch(peer, frame, settled));
    if (untouched.length > 0) this.#inner.send(untouched, frame, settled);
  }

  publish(message: Uint8Array): void {
    this.#inner.publish(message);
  }

  counters(): TransportCounters {
    const counters = this.#inner.counters();
    return {
      ...counters,
      framesSent: counters.framesSent + this.#swallowed.framesSent,
      dataBytesSent: counters.dataBytesSent + this.#swallowed.dataBytesSent,
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#handlers?.silence();
    for (const timer of this.#timers.splice(0)) timer.cancel();
    for (const held of this.#held.values()) held.drop();
    await this.#inner.stop();
  }

  #planCuts(): void {
    const { self, neighbours, schedule, time } = this.#options;
    const own = neighbours.map((peer) => [self, peer] as const);
    for (const { kind, between, atMs } of cutsOf(schedule, own)) {
      const peer = between[0] === self ? between[1] : between[0];
      this.#timers.push(time.at(atMs, () => this.#change(kind, peer)));
    }
  }

  #change(kind: 'cut' | 'heal', peer: number): void {
    if (this.#isStopped) return;
    this.#options.onFault?.(kind, peer);
    if (kind === 'heal') return this.#links?.heal(peer);
    this.#held.get(peer)?.drop();
    this.#links?.cut(peer);
  }

  /** Whether this message to this peer is dealt with here; else the transport inside sends it as it is. */
  #touch(peer: number, frame: Frame, settled: Settled): boolean {
    const { self, time, onFault } = this.#options;
    const { nowMs } = time;
    const held = this.#held.get(peer);
    if (held === undefined || nowMs < 0) return false;
    const fate = this.#player.fate(self, peer, nowMs);
    if (this.#links?.isUp(peer) !== true)
      return this.#links?.isCut(peer) === true && this.#failed(peer, settled);
    if (fate.kind === 'lost') {
      onFault?.(fate.reason, peer);
      this.#swallow(frame);
      queueMicrotask(() => settled(peer, { ok: true }));
      return true;
    }
    const factor = this.#player.bandwidthFactor(self, peer, nowMs);
    const isPlain = fate.copies.length === 1 && fate.copies.every(isClean);
    if (isPlain && factor === 1 && held.count === 0) return false;
    const carryMs = factor === 1 ? 0 : held.carry(this.#carryMs(frame, factor));
    if (carryMs > 0) onFault?.('bandwidth', peer);
    this.#hold(peer, held, { frame, copies: fate.copies, carryMs, settled });
    return true;
  }

  #hold(
    peer: number,
    held: HeldFrames,
    {
      frame,
      copies,
      carryMs,
      settled,
    }: { frame: Frame; copies: readonly Copy[]; carryMs: number; settled: Settled },
  ): void {
    if (held.count >= HELD_MAX) {
      queueMicrotask(() => settled(peer, { ok: false, reason: 'queue-full' }));
      return;
    }
    this.#tellOf(copies, peer);
    // The pieces of a frame are its sender's until it settles: when the last copy has left, with what became of the first to end.
    let open = copies.length;
    let first: SendOutcome | undefined;
    const ended: Settled = (_peer, outcome) => {
      first ??= outcome;
      open -= 1;
      if (open === 0) settled(peer, first);
    };
    for (const { extraDelayMs, corrupted, reordered } of copies) {
      const outgoing = corrupted ? withBitTurned(frame) : frame;
      const release = (): void => this.#inner.send([peer], outgoing, ended);
      const drop = (): void => queueMicrotask(() => ended(peer, { ok: false, reason: 'link-down' }));
      if (reordered) held.holdApart(carryMs + extraDelayMs, release, drop);
      else held.hold(carryMs + extraDelayMs, release, drop);
    }
  }

  #tellOf(copies: readonly Copy[], peer: number): void {
    const { onFault } = this.#options;
    if (copies.length > 1) onFault?.('duplicate', peer);
    for (const { extraDelayMs, corrupted, reordered } of copies) {
      if (corrupted) onFault?.('corrupt', peer);
      if (reordered) onFault?.('reorder', peer);
      else if (extraDelayMs > 0) onFault?.('delay', peer);
    }
  }

  #failed(peer: number, settled: Settled): true {
    queueMicrotask(() => settled(peer, { ok: false, reason: 'link-down' }));
    return true;
  }

  #swallow(frame: Frame): void {
    this.#swallowed.framesSent += 1;
    this.#swallowed.dataBytesSent += wireBytesOf(frame);
  }

  #carryMs(frame: Frame, factor: number): number {
    const bitsPerMs = (this.#options.linkMbps ?? LINK_MBPS) * factor * 1_000;
    return (wireBytesOf(frame) * 8) / bitsPerMs;
  }
}

function isClean({ extraDelayMs, corrupted, reordered }: Copy): boolean {
  return extraDelayMs === 0 && !corrupted && !reordered;
}

function wireBytesOf({ head, body }: Frame): number {
  const bodyBytes = body.reduce((sum, piece) => sum + piece.byteLength, 0);
  return frameBytes(head.byteLength, bodyBytes);
}

/** The first bit of the head: what was a CBOR list becomes a number with too much behind it. */
function withBitTurned({ head, body }: Frame): Frame {
  const turned = head.slice();
  turned[0] = (turned[0] ?? 0) ^ 0x80;
  return { head: turned, body };
}
