/**
 * Carries messages between peers: through the faults, the network and the receiver's wire check, to exactly one fate each, which is
 * counted and told to the observer.
 */
import type { Copy, FaultPlayer } from '../faults/player.ts';
import type { PeerAction, PeerEvent } from '../peer/machine.ts';
import { frameBytesOf } from '../wire/frame-size.ts';
import { Carried, type Driven, isCut, isOfLiving } from './driven.ts';
import type { NetworkModel } from './network.ts';
import type { MessageFate, SimulationObserver } from './observer.ts';
import type { LossReason, RefusalReason } from './result.ts';
import { peerAt } from './stage.ts';
import { TrafficAccounts } from './traffic.ts';

type Send = PeerAction & { readonly kind: 'send' };

/** Messages of one sender that wait for a process which stands still; further ones find its queue full, as a transport's would be. */
const WAITING_MAX = 64;
const CLEAN: Copy = { extraDelayMs: 0, corrupted: false, reordered: false };
const DELIVERED: MessageFate = { kind: 'delivered' };
const LOST = Object.fromEntries(
  (['loss', 'partition', 'link-broken', 'peer-down'] as const).map((reason) => [
    reason,
    { kind: 'lost', reason },
  ]),
) as Readonly<Record<LossReason, MessageFate>>;
const REFUSED = Object.fromEntries(
  (['link-down', 'queue-full', 'not-a-neighbour', 'corrupt'] as const).map((reason) => [
    reason,
    { kind: 'refused', reason },
  ]),
) as Readonly<Record<RefusalReason, MessageFate>>;

export interface PostDependencies {
  readonly driven: readonly Driven[];
  /** Of all peers. */
  readonly lives: Int32Array;
  /** Absent, which only goes without faults: every message arrives at the instant it is sent. */
  readonly network?: NetworkModel;
  readonly faults?: FaultPlayer;
  readonly observer: SimulationObserver;
  /** Brings a message to the receiver, or to its access link, at an instant. */
  readonly schedule: (atMs: number, carried: Carried) => void;
  /** Tells a sender that its transport could not take a message. */
  readonly tell: (one: Driven, event: PeerEvent, atMs: number) => void;
}

export class Post {
  readonly accounts: TrafficAccounts;
  readonly #with: PostDependencies;

  constructor(dependencies: PostDependencies) {
    this.#with = dependencies;
    this.accounts = new TrafficAccounts(dependencies.driven.length);
  }

  send(one: Driven, action: Send, nowMs: number): void {
    const { observer, lives } = this.#with;
    const { to, sequence, message } = action;
    const name = { from: one.peer, incarnation: one.state.incarnation, sequence };
    const frameBytes = frameBytesOf({ incarnation: name.incarnation, sequence, message });
    observer.onSend?.(one.peer, action, frameBytes, nowMs);
    const event = { kind: 'received', name, message } as const;
    for (const other of to) {
      const carried = new Carried(event, other, lives[other]!, frameBytes, nowMs, undefined);
      this.accounts.sent(one.peer, frameBytes, false);
      this.#dispatch(one, carried, nowMs);
    }
  }

  /** The first bit of a message is at the receiver's access link. */
  enter(carried: Carried, nowMs: number): undefined {
    const { network, schedule } = this.#with;
    const { to, frameBytes, transport } = carried;
    if (network === undefined || transport === undefined) return undefined;
    transport.stage = 'message';
    schedule(network.receive(to, { ...transport, frameBytes }, nowMs), carried);
    return undefined;
  }

  /** The message is at its receiver: whether that gets to see it now. */
  arrive(one: Driven, carried: Carried, nowMs: number): boolean {
    if (carried.life !== one.life) return this.#decide(carried, LOST['peer-down'], nowMs);
    const link = one.broken?.get(carried.name.from);
    if (link !== undefined && link.lastMs >= carried.sentMs)
      return this.#decide(carried, LOST['link-broken'], nowMs);
    if (carried.transport?.corrupted === true) return this.#decide(carried, REFUSED.corrupt, nowMs);
    if (one.pause !== undefined) return this.#wait(one, carried, nowMs);
    this.#decide(carried, DELIVERED, nowMs);
    return true;
  }

  /** A message that waited for a process which is no more. */
  abandon(carried: Carried, nowMs: number): void {
    this.#decide(carried, LOST['peer-down'], nowMs);
  }

  #dispatch(one: Driven, carried: Carried, nowMs: number): void {
    const { faults } = this.#with;
    const { to } = carried;
    // Asked for every message, so that the n-th one meets the same fate in every driver.
    const fate = faults?.fate(one.peer, to, nowMs);
    const neighbour = one.state.neighbours.get(to);
    if (neighbour === undefined) return this.#refuse(one, carried, 'not-a-neighbour', nowMs);
    // Who has said goodbye is linked until it ends.
    if (!neighbour.up && !neighbour.left) return this.#refuse(one, carried, 'link-down', nowMs);
    if (!isOfLiving(carried.life)) return void this.#decide(carried, LOST['peer-down'], nowMs);
    if (isCut(one, to)) return void this.#decide(carried, LOST['link-broken'], nowMs);
    if (fate === undefined) return this.#carry(one, carried, CLEAN, nowMs, true);
    if (fate.kind === 'lost') return void this.#decide(carried, LOST[fate.reason], nowMs);
    fate.copies.forEach((copy, index) => {
      if (index > 0) this.accounts.sent(one.peer, carried.frameBytes, true);
      this.#carry(one, carried, copy, nowMs, index === 0);
    });
  }

  /** Puts a copy into the network; only of the first one does its sender hear. */
  #carry(one: Driven, whole: Carried, copy: Copy, nowMs: number, isFirst: boolean): void {
    const { network, faults, schedule } = this.#with;
    if (network === undefined) return schedule(nowMs, whole);
    const { to, frameBytes } = whole;
    const bandwidthFactor = faults?.bandwidthFactor(one.peer, to, nowMs) ?? 1;
    const transit = network.send(one.peer, to, frameBytes, nowMs, copy, bandwidthFactor);
    if (transit === undefined) {
      if (isFirst) return this.#refuse(one, whole, 'queue-full', nowMs);
      return void this.#decide(whole, REFUSED['queue-full'], nowMs);
    }
    const { firstMs, lastMs } = transit;
    if (!network.isLimited(to)) {
      const carried = copy.corrupted
        ? whole.by({ stage: 'message', corrupted: true, lastMs, bandwidthFactor })
        : whole;
      return schedule(lastMs, carried);
    }
    const { corrupted } = copy;
    schedule(firstMs, whole.by({ stage: 'access', corrupted, lastMs, bandwidthFactor }));
  }

  #wait(one: Driven, carried: Carried, nowMs: number): boolean {
    const waiting = one.pause?.waiting ?? [];
    const { from, incarnation, sequence } = carried.name;
    let count = 0;
    for (const other of waiting) if (other instanceof Carried && other.name.from === from) count += 1;
    if (count < WAITING_MAX) {
      waiting.push(carried);
      return false;
    }
    this.#decide(carried, REFUSED['queue-full'], nowMs);
    const sender = peerAt(this.#with.driven, from);
    if (sender.state.incarnation === incarnation)
      this.#with.tell(sender, { kind: 'sendFailed', to: one.peer, sequence, reason: 'queue-full' }, nowMs);
    return false;
  }

  #refuse(one: Driven, carried: Carried, reason: RefusalReason, nowMs: number): void {
    this.#decide(carried, REFUSED[reason], nowMs);
    const { sequence } = carried.name;
    this.#with.tell(one, { kind: 'sendFailed', to: carried.to, sequence, reason }, nowMs);
  }

  #decide(carried: Carried, fate: MessageFate, nowMs: number): false {
    this.accounts.decided(carried.name.from, fate, carried.frameBytes);
    this.#with.observer.onFate?.(carried, fate, nowMs);
    return false;
  }
}
