/** One step of a peer under way, and what any part of it may do: send a message, refuse one, end. */
import { Random } from '../base/random.ts';
import type { RuleScope } from '../exchange/rule.ts';
import type { PeerMessage } from '../wire/message.ts';
import type { FinishReason, MessageRefusal, PeerAction } from './machine.ts';
import type { PeerState } from './state.ts';

/** One step under way: the state it changes, the actions it asks for, and the time and chance that it gives the rule. */
export class Run implements RuleScope {
  readonly state: PeerState;
  readonly now: number;
  readonly actions: PeerAction[] = [];
  #random: Random | undefined;

  constructor(state: PeerState, now: number) {
    this.state = state;
    this.now = now;
  }

  /** Made when the rule first asks for chance: named by (seed, peer, incarnation, number of the event). */
  get random(): Random {
    const { config, incarnation, events } = this.state;
    this.#random ??= Random.of(config.seed, 'peer', config.self, incarnation, events);
    return this.#random;
  }
}

/** Sends a message, numbered; returns its sequence. */
export function send(run: Run, to: readonly number[], message: PeerMessage): number {
  const sequence = run.state.nextSequence++;
  if (to.length > 0) run.actions.push({ kind: 'send', to, sequence, message });
  return sequence;
}

export function refuse(run: Run, from: number, reason: MessageRefusal, detail?: string): void {
  run.actions.push({ kind: 'refuse', from, reason, ...(detail === undefined ? {} : { detail }) });
}

/** The peer is through: its driver may end it. */
export function end({ state, actions }: Run, reason: FinishReason): void {
  state.done = true;
  actions.push({ kind: 'finish', reason, round: state.round, params: state.params });
}
