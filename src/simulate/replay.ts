/**
 * Runs recorded peers again: from configs, Trainers and event logs alone to the same params. Each peer's log fixes the order of
 * its own events; an event that needs another peer's message waits until that peer has sent it again.
 */
import { present, unreachable } from '../base/assert.ts';
import { OperatingError } from '../base/errors.ts';
import type { Vector } from '../params/layout.ts';
import { type LoggedEvent, type LogLine, messageKey } from '../peer/log.ts';
import type { PeerAction, PeerConfig, PeerEvent } from '../peer/machine.ts';
import { createPeer, type PeerState } from '../peer/state.ts';
import { step } from '../peer/step.ts';
import type { Trainer, TrainResult } from '../train/trainer.ts';
import type { PeerMessage } from '../wire/message.ts';
import { Snapshots } from './snapshots.ts';

export interface RecordedPeer {
  readonly config: PeerConfig;
  readonly trainer: Trainer;
  readonly log: readonly LogLine[];
}

export interface ReplayedPeer {
  readonly round: number;
  /** Params at the start of `round`, which are the last ones of a finished peer. */
  readonly params: Vector;
}

interface Replayed {
  readonly peer: number;
  state: PeerState;
  readonly recorded: RecordedPeer;
  /** Lines replayed so far. */
  done: number;
  readonly results: Map<number, Promise<TrainResult>>;
  readonly snapshots: Snapshots;
}

/** Rejects with code `replay-stuck` when the logs do not fit each other. Results in the order of `peers`. */
export async function replay(peers: readonly RecordedPeer[]): Promise<readonly ReplayedPeer[]> {
  const messages = new Map<string, PeerMessage>();
  const replayed = peers.map((recorded, peer): Replayed => {
    const state = createPeer(recorded.config);
    const snapshots = new Snapshots(recorded.trainer);
    return { peer, state, recorded, done: 0, results: new Map(), snapshots };
  });
  for (let progress = true; progress; ) {
    progress = false;
    for (const one of replayed) {
      while (await replayNext(one, messages)) progress = true;
    }
  }
  for (const { peer, done, recorded } of replayed) {
    const line = recorded.log[done];
    if (line === undefined) continue;
    throw new OperatingError(
      'replay-stuck',
      `peer ${peer} cannot replay event ${done} (${JSON.stringify(line.event)}): no peer's log leads to it. ` +
        "All peers' complete logs of one run are needed.",
      { peer, event: done },
    );
  }
  return replayed.map(({ state }) => ({ round: state.round, params: state.params }));
}

/** Replays one line; false when there is none, or when it needs a message that has not been sent yet. */
async function replayNext(one: Replayed, messages: Map<string, PeerMessage>): Promise<boolean> {
  const line = one.recorded.log[one.done];
  if (line === undefined) return false;
  const event = await eventOf(one, line.event, messages);
  if (event === undefined) return false;
  if (event.kind === 'start') {
    one.state = createPeer(one.recorded.config);
    one.results.clear();
    one.snapshots.restart();
  }
  one.done += 1;
  for (const action of step(one.state, event, line.nowMs)) perform(one, action, messages);
  return true;
}

async function eventOf(
  one: Replayed,
  event: LoggedEvent,
  messages: ReadonlyMap<string, PeerMessage>,
): Promise<PeerEvent | undefined> {
  switch (event.kind) {
    case 'start':
      return startOf(one, event);
    case 'trained': {
      const { token } = event;
      const { params, loss, gradientSquaredNorm } = await present(
        one.results.get(token),
        `training ${token}`,
      );
      one.results.delete(token);
      return { kind: 'trained', token, params, loss, gradientSquaredNorm };
    }
    case 'received': {
      const { from, incarnation, sequence } = event;
      const message = messages.get(messageKey(event));
      return message === undefined
        ? undefined
        : { kind: 'received', name: { from, incarnation, sequence }, message };
    }
    case 'sendFailed':
    case 'linkUp':
    case 'linkDown':
    case 'timer':
    case 'goal':
    case 'stop':
      return event;
    default:
      return unreachable(event);
  }
}

async function startOf(one: Replayed, event: LoggedEvent & { kind: 'start' }): Promise<PeerEvent> {
  const { trainer } = one.recorded;
  const { kind, incarnation, round } = event;
  if (round === 0) {
    await trainer.restore(new Uint8Array(0));
    return { kind, incarnation, round, params: await trainer.initialParams() };
  }
  const checkpoint = one.snapshots.checkpoints.get(round);
  if (checkpoint === undefined) {
    throw new OperatingError(
      'replay-stuck',
      `peer ${one.peer} restarted from round ${round}, but its earlier log writes no checkpoint of that round`,
      { peer: one.peer, round },
    );
  }
  await trainer.restore(await checkpoint.optimizer);
  const { params, ruleSnapshot } = checkpoint;
  return { kind, incarnation, round, params, ruleSnapshot };
}

function perform(one: Replayed, action: PeerAction, messages: Map<string, PeerMessage>): void {
  const { trainer } = one.recorded;
  switch (action.kind) {
    case 'train':
      one.snapshots.beforeTraining(one.state.round);
      one.results.set(
        action.token,
        trainer.train(action.params, action.steps, { firstStep: action.firstStep }),
      );
      return;
    case 'send': {
      const { incarnation } = one.state;
      messages.set(messageKey({ from: one.peer, incarnation, sequence: action.sequence }), action.message);
      return;
    }
    case 'persist':
      one.snapshots.persist(action);
      return;
    default:
      return; // the rest only tells the outside world
  }
}
