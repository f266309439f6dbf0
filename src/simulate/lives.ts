/** Peers start, die, stand still and go on; links between them come up and break, and both ends are told. */
import type { PeerEvent } from '../peer/machine.ts';
import { createPeer } from '../peer/state.ts';
import { Carried, changeCut, type Driven, isAlive, isCut } from './driven.ts';
import type { Post } from './post.ts';
import { peerAt, plan, type Stage, trueDelayMs } from './stage.ts';

export class Lives {
  readonly #stage: Stage;
  readonly #post: Post;
  /** Alive and not finished. */
  #running = 0;
  /** Down before they have finished, or not there yet. */
  #away: number;

  constructor(stage: Stage, post: Post) {
    this.#stage = stage;
    this.#post = post;
    this.#away = stage.driven.length;
  }

  get running(): number {
    return this.#running;
  }

  get away(): number {
    return this.#away;
  }

  finished(): void {
    this.#running -= 1;
  }

  async start(one: Driven, atMs: number): Promise<void> {
    const { trainer, resumeFrom, config } = one.recorded;
    const restarted = one.life > 0;
    const checkpoint = (restarted ? one.snapshots.newest() : undefined) ?? resumeFrom;
    if (restarted || checkpoint !== undefined)
      await trainer.restore((await checkpoint?.optimizer) ?? new Uint8Array(0));
    const params = checkpoint?.params ?? (await trainer.initialParams());
    if (!one.state.done) this.#away -= 1;
    this.#running += 1;
    one.life += 1;
    if (restarted) {
      one.state = createPeer(config);
      this.#stage.options.faults?.restarted(one.peer);
    }
    one.snapshots.restart();
    this.#setAlarm(one, atMs);
    const incarnation = (this.#stage.options.livesBefore ?? 0) + (one.life + 1) / 2;
    const snapshot = checkpoint === undefined ? {} : { ruleSnapshot: checkpoint.ruleSnapshot };
    const round = checkpoint?.round ?? 0;
    this.#stage.step(one, { kind: 'start', incarnation, round, params, ...snapshot }, atMs);
    for (const other of one.state.neighbours.keys()) {
      this.#link(this.#at(other), one, atMs);
      this.#link(one, this.#at(other), atMs);
    }
  }

  /** The process is no more: what it had under way and in mind is gone, and its neighbours notice. */
  die(one: Driven, reason: string, atMs: number, forGood: boolean): void {
    if (!one.state.done) {
      this.#running -= 1;
      if (!forGood) this.#away += 1;
    }
    one.life += 1;
    one.leaves = false;
    one.timers.clear();
    for (const waiting of one.pause?.waiting ?? [])
      if (waiting instanceof Carried) this.#post.abandon(waiting, atMs);
    one.pause = undefined;
    const { links } = this.#stage.options;
    for (const other of one.state.neighbours.keys()) {
      const noticedMs = atMs + (links?.delayMs(one.peer, other) ?? 0);
      this.#unlink(this.#at(other), one.peer, reason, noticedMs);
    }
  }

  /** Who is leaving and has handed over what it had ends. */
  goIfDone(one: Driven, atMs: number): void {
    if (one.leaves && one.state.done) this.die(one, 'left', atMs, true);
  }

  pause(one: Driven, atMs: number): void {
    if (one.pause !== undefined) one.pause.depth += 1;
    else if (isAlive(one)) one.pause = { depth: 1, sinceMs: atMs, waiting: [] };
  }

  /** What waited happens in order. */
  async resume(one: Driven, atMs: number): Promise<void> {
    const { pause } = one;
    if (pause === undefined || --pause.depth > 0) return;
    one.pause = undefined;
    one.pausedMs += atMs - pause.sinceMs;
    for (const happening of pause.waiting) await this.#stage.happen(one, happening, atMs);
  }

  changeLink(between: readonly [number, number], change: 'cut' | 'heal', atMs: number): void {
    const [first, second] = [this.#at(between[0]), this.#at(between[1])];
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      if (!changeCut(one, other.peer, change === 'cut' ? 1 : -1, atMs)) continue;
      if (change === 'heal') this.#link(other, one, atMs);
      else this.#unlink(one, other.peer, 'cut', atMs);
    }
  }

  /** The run's time is counted from the peer's own start, by its own clock. */
  #setAlarm(one: Driven, atMs: number): void {
    const { secondsMax } = this.#stage.options;
    if (secondsMax === undefined) return;
    const delayMs = trueDelayMs(this.#stage.options, one, atMs, secondsMax * 1000);
    plan(this.#stage, one, { kind: 'goal', goal: 'seconds' }, atMs + delayMs);
  }

  /** Tells `to` that its link to `from` is up, if it is. */
  #link(from: Driven, to: Driven, atMs: number): void {
    if (!isAlive(from) || !isAlive(to) || isCut(to, from.peer)) return;
    const { round, incarnation } = from.state;
    const event: PeerEvent = { kind: 'linkUp', peer: from.peer, incarnation, round };
    const upMs = atMs + (this.#stage.options.links?.delayMs(from.peer, to.peer) ?? 0);
    const { life } = to;
    this.#stage.queue.push(upMs, to.peer, { kind: 'link', life, other: from.peer, event });
  }

  #unlink(one: Driven, other: number, reason: string, atMs: number): void {
    if (!isAlive(one)) return;
    const event: PeerEvent = { kind: 'linkDown', peer: other, reason };
    this.#stage.queue.push(atMs, one.peer, { kind: 'link', life: one.life, other, event });
  }

  #at(peer: number): Driven {
    return peerAt(this.#stage.driven, peer);
  }
}
