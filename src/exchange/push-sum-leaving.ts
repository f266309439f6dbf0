/**
 * A peer of push-sum ends, or leaves the others for good. What it has it gives to its out-neighbours. Who leaves tells them several times,
 * passes on what still comes, and is told several times by its in-neighbours what they gave it: of the mass nothing is lost, but where a
 * link loses every one of LEAVING_FAREWELLS messages in a row.
 */
import { addressOf, push, tellAgain } from './push-sum-giving.ts';
import type { PushSumState } from './push-sum-state.ts';
import type { RuleAction } from './rule.ts';

/** How often a peer says what it gave last, once it is through; and once it leaves, after the last that it was given. */
const FAREWELLS = 3;
const LEAVING_FAREWELLS = 8;
/** In all, however much comes. */
const LEAVING_FAREWELLS_MAX = 24;
const FAREWELL_MS = 10;
/** Who leaves should hear from its neighbours in time, and be gone soon, however long its rounds are. */
const LEAVING_FAREWELL_MS = 50;

/** At the end all mass goes to the others, and they are told a few times, in case a message is lost. */
export function endRounds(state: PushSumState, leaves: boolean): RuleAction[] {
  state.ended = true;
  state.training = false;
  const cleared: RuleAction = { kind: 'clearTimer', name: 'cycle' };
  if (state.mass === undefined || state.mass.z === 0) return [cleared];
  const actions = push(state, false);
  if (actions.length === 0) return [cleared];
  state.leaving = leaves && state.options.variant === 'robust';
  return [cleared, ...actions, ...againLater(state)];
}

export function farewell(state: PushSumState): RuleAction[] {
  if (!state.ended || state.options.variant === 'plain') return [];
  return [...(state.leaving ? push(state, false) : tellAgain(state)), ...againLater(state)];
}

function againLater(state: PushSumState): RuleAction[] {
  const { leaving, options } = state;
  const isEnough =
    state.farewells >= (leaving ? LEAVING_FAREWELLS : FAREWELLS) ||
    state.farewellsSaid >= LEAVING_FAREWELLS_MAX;
  if (isEnough || options.variant === 'plain') {
    state.leaving = false;
    return [];
  }
  state.farewells += 1;
  state.farewellsSaid += 1;
  const delayMs = leaving ? LEAVING_FAREWELL_MS : Math.max(state.pace.periodMs, FAREWELL_MS);
  return [{ kind: 'setTimer', name: 'farewell', delayMs }];
}

/** A neighbour leaves: what it was given and has not heard of would be lost with it, so it is told, and again. */
export function seeOff(state: PushSumState, peer: number): RuleAction[] {
  if (state.options.variant === 'plain') return [];
  if (state.arcs.all.find((arc) => arc.peer === peer)?.sum === undefined) return [];
  state.seenOff ??= new Map();
  state.seenOff.set(peer, LEAVING_FAREWELLS);
  return tellSeenOff(state);
}

export function tellSeenOff(state: PushSumState): RuleAction[] {
  const { seenOff, arcs, telling } = state;
  if (seenOff === undefined) return [];
  const actions: RuleAction[] = [];
  for (const { peer, up, sum, startCount } of arcs.all) {
    const left = seenOff.get(peer);
    if (left === undefined) continue;
    seenOff.set(peer, left - 1);
    if (left === 1 || up || sum === undefined) seenOff.delete(peer);
    if (up || sum === undefined) continue;
    sum.count += 1;
    const message = telling.messageOf(sum, { ...addressOf(state, startCount), whole: true });
    actions.push({ kind: 'send', to: [peer], message });
  }
  if (seenOff.size === 0) return actions;
  return [...actions, { kind: 'setTimer', name: 'see-off', delayMs: LEAVING_FAREWELL_MS }];
}
