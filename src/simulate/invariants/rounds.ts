/**
 * Rounds go up by one, or jump ahead when a peer adopts a neighbour's state, or, with backups, when its local updates end in a round that
 * is over; a restart begins at the newest checkpoint, with its params.
 */
import { JOIN_ROUNDS_MAX } from '../../exchange/barrier-state.ts';
import type { Vector } from '../../params/layout.ts';
import type { PeerConfig } from '../../peer/machine.ts';
import type { Invariant } from './invariant.ts';

export const rounds: Invariant = {
  name: 'rounds',
  summary:
    'a peer does round after round, leaves some out only by adopting a state or (with backups, at the end of its local updates, 32 at most) because they are over, and restarts from its newest checkpoint',
  watch({ peers, violate }) {
    const next = peers.map(() => 0);
    const started = peers.map(() => false);
    const saved = peers.map((): { round: number; params: Vector } | undefined => undefined);
    return {
      onStep(peer, event, actions, state, nowMs) {
        if (event.kind === 'start') {
          const checkpoint = saved[peer];
          // A simulation that goes on with an earlier one starts wherever that had come to.
          if (started[peer] === true) {
            const round = checkpoint?.round ?? 0;
            if (event.round !== round)
              violate(
                nowMs,
                peer,
                `it restarts in round ${event.round}, its newest checkpoint is of ${round}`,
              );
            const { rule } = state.config;
            if (
              checkpoint !== undefined &&
              rule.snapshot !== undefined &&
              (event.ruleSnapshot?.length ?? 0) === 0
            )
              violate(nowMs, peer, `it restarts in round ${round} without what its rule had saved`);
            if (checkpoint !== undefined && !sameValues(checkpoint.params, event.params))
              violate(
                nowMs,
                peer,
                `it restarts with other params than its checkpoint of round ${round} holds`,
              );
          }
          next[peer] = event.round;
          started[peer] = true;
        }
        for (const action of actions) {
          if (action.kind === 'notice' && action.what === 'adopted') {
            if (action.round <= (next[peer] ?? 0))
              violate(nowMs, peer, `in round ${next[peer]} it adopts the state of round ${action.round}`);
            next[peer] = action.round;
          }
          if (action.kind === 'persist' && action.round < (saved[peer]?.round ?? 0))
            violate(nowMs, peer, `it saves round ${action.round} after round ${saved[peer]?.round}`);
          if (action.kind === 'persist') saved[peer] = { round: action.round, params: action.params.slice() };
          if (action.kind === 'record') {
            const { round } = action.note;
            const from = next[peer] ?? 0;
            const leftOutMax = event.kind === 'trained' ? mayLeaveOut(state.config) : 0;
            if (round < from || round > from + leftOutMax)
              violate(nowMs, peer, `it did round ${round}, and was in ${from}`);
            next[peer] = round + 1;
          }
        }
      },
    };
  },
};

/** Rounds that this peer may leave out at a time. */
function mayLeaveOut({ rule, context: { options, phases } }: PeerConfig): number {
  const { backups = 0 } = options as { backups?: number };
  return rule.name === 'dpsgd' && backups > 0 && phases === undefined ? JOIN_ROUNDS_MAX : 0;
}

function sameValues(a: Vector, b: Vector): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}
