/**
 * Drives many peers on virtual time: one event queue, every action performed at a virtual instant. Training is real: it starts
 * at one instant, and its result is applied at another, which the engine does not pass before it is there. Nothing is waited for that
 * has come already, so that training started in between can be done together.
 *
 * Order: (time, peer, sequence of scheduling); what faults do at an instant comes before it. Over when nothing is left to happen, or
 * when every peer that is alive has finished, nobody is to come back, and no message is under way.
 */
import { unreachable } from '../base/assert.ts';
import type { Deed, FaultPlayer } from '../faults/player.ts';
import type { PeerAction, PeerEvent } from '../peer/machine.ts';
import { step } from '../peer/step.ts';
import { Carried, Driven, type Happening, isAlive, isCut } from './driven.ts';
import { EventQueue } from './event-queue.ts';
import { Lives } from './lives.ts';
import { createNetwork } from './network.ts';
import type { SimulationObserver } from './observer.ts';
import { Post } from './post.ts';
import type { SimulationResult } from './result.ts';
import type { SimulatedPeer, SimulationOptions } from './simulation.ts';
import { peerAt, plan, type Stage } from './stage.ts';
import { clearTimer, comesUp, setTimer } from './timers.ts';
import { diverged, evaluate, measure, persist, train, trained } from './work.ts';

/** Events between two breaths. */
const BREATH_EVENTS = 32_768;
/** Deeds in a row that wake nobody, after which nobody is expected any more: availability plans deeds without end. */
const IDLE_DEEDS_MAX = 10_000;

/**
 * Runs to the end. Rejects with what a Trainer or an observer fails with, and with code `training-diverged` where local updates give
 * params that are not finite.
 */
export async function simulate(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  return new Simulation(peers, options).run();
}

class Simulation implements Stage {
  readonly driven: readonly Driven[];
  readonly options: SimulationOptions;
  readonly observer: SimulationObserver;
  readonly queue = new EventQueue<Happening>();
  readonly #faults: FaultPlayer | undefined;
  readonly #post: Post;
  readonly #lives: Lives;
  readonly #deeds: Iterator<Deed>;
  #nextDeed: Deed | undefined;
  #idleDeeds = 0;
  #eventCount = 0;
  #endMs = 0;

  constructor(peers: readonly SimulatedPeer[], options: SimulationOptions) {
    const { faults, links, observer = {}, seed = 0 } = options;
    this.options = options;
    this.observer = observer;
    this.#faults = faults;
    const lives = new Int32Array(peers.length);
    this.driven = peers.map((recorded, peer) => new Driven(recorded, peer, lives));
    const network = createNetwork(links, peers.length, seed, faults !== undefined);
    this.#post = new Post({
      driven: this.driven,
      lives,
      observer,
      ...(network === undefined ? {} : { network }),
      ...(faults === undefined ? {} : { faults }),
      schedule: (atMs, carried) => this.queue.push(atMs, carried.to, carried),
      tell: (one, event, atMs) => plan(this, one, event, atMs),
    });
    this.#lives = new Lives(this, this.#post);
    this.#deeds = (faults?.deeds ?? [])[Symbol.iterator]();
    this.#nextDeed = this.#takeDeed();
    this.#planStarts();
  }

  async run(): Promise<SimulationResult> {
    const { accounts } = this.#post;
    this.observer.onBegin?.({ trafficOf: (peer) => accounts.of(peer) });
    for (;;) {
      const atMs = Math.min(this.queue.nextMs, this.#nextDeed?.atMs ?? Number.POSITIVE_INFINITY);
      const ended = this.#ending(atMs);
      if (ended === 'interrupted') this.#interrupt();
      if (ended !== undefined) return this.#result(ended);
      this.#endMs = atMs;
      this.#eventCount += 1;
      const pending = this.#next(atMs);
      if (pending !== undefined) await pending;
      if (this.#eventCount % BREATH_EVENTS === 0) await this.#breathe();
    }
  }

  step(one: Driven, event: PeerEvent, atMs: number): void {
    const localMs = this.#faults?.clockMs(one.peer, atMs) ?? atMs;
    const actions = step(one.state, event, localMs);
    this.observer.onStep?.(one.peer, event, actions, one.state, atMs, localMs);
    for (const action of actions) this.#perform(one, action, atMs);
  }

  happen(one: Driven, happening: Happening, atMs: number): Promise<void> | undefined {
    if (happening instanceof Carried) {
      if (happening.kind === 'access') return this.#post.enter(happening, atMs);
      if (this.#post.arrive(one, happening, atMs)) this.step(one, happening.event, atMs);
      return undefined;
    }
    if (happening.life !== one.life) return undefined;
    if (one.pause === undefined) return this.#happenInLife(one, happening, atMs);
    one.pause.waiting.push(happening);
    return undefined;
  }

  #next(atMs: number): Promise<void> | undefined {
    const deed = this.#nextDeed;
    if (deed !== undefined && deed.atMs <= atMs) {
      this.#idleDeeds += 1;
      this.#nextDeed = this.#takeDeed();
      this.observer.onDeed?.(deed, atMs);
      return this.#do(deed, atMs);
    }
    const happening = this.queue.pop();
    if (happening === undefined) return undefined;
    if (this.#lives.running > 0) this.#idleDeeds = 0;
    return this.happen(peerAt(this.driven, this.queue.peer), happening, atMs);
  }

  #ending(nextMs: number): SimulationResult['ended'] | undefined {
    const { interruption, untilMs, eventsMax } = this.options;
    if (interruption?.aborted === true) return 'interrupted';
    if (this.#isOver()) return 'done';
    if (untilMs !== undefined && nextMs > untilMs) return 'time';
    return eventsMax !== undefined && this.#eventCount >= eventsMax ? 'events' : undefined;
  }

  #interrupt(): void {
    for (const one of this.driven) {
      // Asked twice, a peer does not take its time.
      for (let asked = 0; asked < 2 && isAlive(one) && !one.state.done; asked++)
        this.step(one, { kind: 'stop', reason: 'interrupted' }, this.#endMs);
    }
  }

  #isOver(): boolean {
    const { running, away } = this.#lives;
    if (this.queue.size === 0 && (this.#nextDeed === undefined || this.#idleDeeds > IDLE_DEEDS_MAX))
      return true;
    if (running > 0 || this.#post.accounts.underWay > 0) return false;
    return away === 0 || this.#idleDeeds > IDLE_DEEDS_MAX;
  }

  #happenInLife(
    one: Driven,
    happening: Exclude<Happening, Carried>,
    atMs: number,
  ): Promise<void> | undefined {
    switch (happening.kind) {
      case 'start':
        return this.#lives.start(one, atMs);
      case 'trained':
        return trained(this, one, happening.training, atMs);
      case 'reached':
        return happening.reached.then((reached) => {
          if (reached) this.step(one, { kind: 'goal', goal: 'target-accuracy' }, atMs);
        });
      case 'measured':
        return happening.values.then((values) => this.step(one, { kind: 'measured', values }, atMs));
      case 'timer': {
        const { name, timer, entry } = happening;
        if (comesUp(this, one, name, timer, entry, atMs)) this.step(one, { kind: 'timer', name }, atMs);
        this.#lives.goIfDone(one, atMs);
        return undefined;
      }
      case 'link': {
        const { other, event } = happening;
        const isUp = one.state.neighbours.get(other)?.up === true;
        const isNews = event.kind === 'linkUp' ? !isCut(one, other) : isUp;
        if (isNews) this.step(one, event, atMs);
        return undefined;
      }
      case 'event':
        this.step(one, happening.event, atMs);
        return undefined;
      case 'leave':
        one.leaves = true;
        this.step(one, { kind: 'stop', reason: 'asked to stop' }, atMs);
        this.#lives.goIfDone(one, atMs);
        return undefined;
      default:
        return unreachable(happening);
    }
  }

  #do(deed: Deed, atMs: number): Promise<void> | undefined {
    if ('between' in deed) {
      this.#lives.changeLink(deed.between, deed.kind, atMs);
      return undefined;
    }
    const one = peerAt(this.driven, deed.peer);
    switch (deed.kind) {
      case 'crash':
        if (isAlive(one)) this.#lives.die(one, 'crashed', atMs, deed.forGood === true);
        return undefined;
      case 'start':
        // Who has not been there yet comes when it joins.
        return isAlive(one) || one.life === 0 ? undefined : this.#lives.start(one, atMs);
      case 'pause':
        this.#lives.pause(one, atMs);
        return undefined;
      case 'resume':
        return this.#lives.resume(one, atMs);
      case 'leave':
        this.queue.push(atMs, one.peer, { kind: 'leave', life: one.life });
        return undefined;
      default:
        return unreachable(deed);
    }
  }

  #perform(one: Driven, action: PeerAction, atMs: number): void {
    const { observer } = this;
    switch (action.kind) {
      case 'train':
        return train(this, one, action, atMs);
      case 'send':
        return this.#post.send(one, action, atMs);
      case 'setTimer':
        return setTimer(this, one, action.name, action.delayMs, atMs);
      case 'clearTimer':
        return clearTimer(one, action.name);
      case 'record':
        return observer.onRecord?.(one.peer, action.note, atMs);
      case 'refuse':
        return observer.onRefuse?.(one.peer, action, atMs);
      case 'notice':
        return observer.onNotice?.(one.peer, action, atMs);
      case 'persist':
        return persist(this, one, action, atMs);
      case 'evaluate':
        return evaluate(this, one, action, atMs);
      case 'diverged':
        return diverged(one, action.round);
      case 'measure':
        return measure(this, one, action, atMs);
      case 'aggregated':
        return observer.onAggregated?.(one.peer, action.report, atMs);
      case 'finish':
        this.#lives.finished();
        return observer.onFinish?.(one.peer, action.reason, action.round, action.params, atMs);
      case 'announce':
        return;
      default:
        return unreachable(action);
    }
  }

  #planStarts(): void {
    const { startMs, stopMs } = this.options;
    for (const { peer, life } of this.driven) {
      const firstMs = Math.max(startMs?.(peer) ?? 0, this.#faults?.startMs(peer) ?? 0);
      this.queue.push(firstMs, peer, { kind: 'start', life });
      if (stopMs !== undefined) this.queue.push(stopMs, peer, { kind: 'leave', life: life + 1 });
    }
  }

  #takeDeed(): Deed | undefined {
    const { done, value } = this.#deeds.next();
    return done === true ? undefined : value;
  }

  async #breathe(): Promise<void> {
    await this.observer.onBreath?.(this.#endMs, this.#eventCount);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #result(ended: SimulationResult['ended']): SimulationResult {
    const { accounts } = this.#post;
    const result: SimulationResult = {
      peers: this.driven.map(({ state: { round, params, done } }) => ({
        round,
        params,
        finished: done,
      })),
      traffic: accounts.total(),
      trafficOf: (peer) => accounts.of(peer),
      eventCount: this.#eventCount,
      endMs: this.#endMs,
      ended,
    };
    this.observer.onEnd?.(result);
    return result;
  }
}
