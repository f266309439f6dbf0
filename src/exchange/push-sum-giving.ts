/** What a peer of push-sum gives to its out-neighbours, and how it tells them. */
import { present } from '../base/assert.ts';
import { groupsOf } from './arcs.ts';
import { createSum, give, type Mass, type RunningSum, Z_MIN } from './mass.ts';
import type { PushSumState } from './push-sum-state.ts';
import type { SumAddress, SumTelling } from './push-sum-telling.ts';
import type { RuleAction } from './rule.ts';

/** Gives to all that are up, and tells them what they have been given so far. */
export function push(state: PushSumState, keepsShare: boolean): RuleAction[] {
  const mass = present(state.mass, 'mass');
  const groups = groupsOf(state.arcs, mass.y.length);
  if (state.options.variant === 'robust') {
    const sums = groups.map(({ sum }) => sum);
    const counts = groups.map(({ arcs }) => arcs.length);
    // Who has next to nothing keeps it and tells its sums all the same: where nobody did, mass that was lost on the way would stay lost.
    return giveTold(state.telling, mass, sums, counts, keepsShare) ? tellSums(state) : tellAgain(state);
  }
  const to = groups.flatMap(({ peers }) => peers);
  const gift = createSum(mass.y.length);
  if (!give(mass, [gift], [to.length], keepsShare)) return [];
  state.telling.afterGift(gift, mass, to.length, false);
  return [{ kind: 'send', to, message: state.telling.shareOf(gift, Math.max(0, state.round)) }];
}

/** As `give`, of what can be told. */
function giveTold(
  telling: SumTelling,
  mass: Mass,
  sums: readonly RunningSum[],
  counts: readonly number[],
  keepsShare: boolean,
): boolean {
  // Nothing is made ready that is not given then.
  if (mass.z < (keepsShare ? telling.zMin : Z_MIN)) return false;
  let parts = keepsShare ? 1 : 0;
  for (const count of counts) parts += count;
  const zShare = mass.z / parts;
  for (let at = 0; at < sums.length; at++) telling.beforeGift(sums[at]!, mass, counts[at]!, zShare);
  if (!give(mass, sums, counts, keepsShare)) return false;
  for (let at = 0; at < sums.length; at++) telling.afterGift(sums[at]!, mass, counts[at]!, !keepsShare);
  return true;
}

/** The same sums again, with a count of their own: for whom the last were lost. */
export function tellAgain(state: PushSumState): RuleAction[] {
  for (const { sum } of groupsOf(state.arcs, present(state.mass, 'mass').y.length)) sum.count += 1;
  return tellSums(state);
}

function tellSums(state: PushSumState): RuleAction[] {
  const groups = groupsOf(state.arcs, present(state.mass, 'mass').y.length);
  return groups.map(({ sum, startCount, peers }) => {
    return { kind: 'send', to: peers, message: state.telling.messageOf(sum, addressOf(state, startCount)) };
  });
}

/** Who is stopped before its first round is in none. */
export function addressOf({ life, round }: PushSumState, startCount: number): SumAddress {
  return { life, startCount, round: Math.max(0, round) };
}
