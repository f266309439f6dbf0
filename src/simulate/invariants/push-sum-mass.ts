/**
 * Robust push-sum neither makes nor loses mass, whatever becomes of its messages: every peer's own account
 *   A = y + Σ_out σ − Σ_in ρ   (and likewise for z)
 * changes only when its params enter, by training (y alone) and when it adopts a state (y alone). Σ A over all peers is Σy + Σ(σ − ρ)
 * over all peers and arcs. A peer that comes back from its checkpoint has the account it had when that was taken; one that comes back
 * without starts anew, and it and those that exchange with it are not judged from then on: what it held is lost, as the rule says.
 */
import { massOf } from '../../exchange/mass-balance.ts';
import type { PeerAction, PeerConfig, PeerEvent } from '../../peer/machine.ts';
import type { PeerState } from '../../peer/state.ts';
import type { Invariant } from './invariant.ts';

/** Per step; of the largest amount in the account. */
const RELATIVE_ERROR_MAX = 1e-12;

interface Account {
  readonly y: Float64Array;
  readonly z: number;
  /** The largest amount that was added up. */
  readonly size: number;
}

export const pushSumMass: Invariant = {
  name: 'push-sum-mass',
  summary:
    'Σy + Σ(σ − ρ) of robust push-sum changes by training and by peers that enter, and by nothing else',
  watch({ peers, violate }) {
    if (!peers.every(isRobust)) return undefined;
    const accounts = peers.map((): Account | undefined => undefined);
    const saved = peers.map((): Account | undefined => undefined);
    const judged = peers.map(() => true);
    return {
      onStep(peer, event, actions, state, nowMs) {
        if (startsAnew(event)) {
          for (const other of [peer, ...state.neighbours.keys()]) judged[other] = false;
        }
        if (event.kind === 'start' && event.incarnation > 1) accounts[peer] = saved[peer];
        const before = accounts[peer];
        const after = accountOf(state);
        accounts[peer] = after;
        if (actions.some(({ kind }) => kind === 'persist')) saved[peer] = after;
        if (!judged[peer] || after === undefined) return;
        const problem =
          before === undefined ? entering(after) : changed(before, after, mayMoveY(event, actions));
        if (problem !== undefined) violate(nowMs, peer, `at the event ${event.kind} ${problem}`);
      },
    };
  },
};

function isRobust({ rule, context: { options } }: PeerConfig): boolean {
  return rule.name.split('+')[0] === 'push-sum' && options.variant === 'robust';
}

function startsAnew(event: PeerEvent): boolean {
  return event.kind === 'start' && event.incarnation > 1 && (event.ruleSnapshot?.length ?? 0) === 0;
}

/** Training moves y, and so does a state that is adopted. */
function mayMoveY(event: PeerEvent, actions: readonly PeerAction[]): boolean {
  return (
    event.kind === 'trained' ||
    actions.some((action) => action.kind === 'notice' && action.what === 'adopted')
  );
}

function accountOf({ ruleState }: PeerState): Account | undefined {
  const mass = massOf(ruleState);
  if (mass === undefined) return undefined;
  const y = mass.y.slice();
  let { z } = mass;
  let size = Math.abs(z);
  const add = (sign: 1 | -1, arc: { readonly y: Float64Array; readonly z: number }): void => {
    z += sign * arc.z;
    size = Math.max(size, Math.abs(arc.z));
    for (let at = 0; at < y.length; at++) {
      y[at]! += sign * arc.y[at]!;
      size = Math.max(size, Math.abs(arc.y[at]!));
    }
  };
  for (const arc of mass.given) add(1, arc);
  for (const arc of mass.taken) add(-1, arc);
  return { y, z, size };
}

function entering({ z, size }: Account): string | undefined {
  return Math.abs(z - 1) <= RELATIVE_ERROR_MAX * size * 16 ? undefined : `it enters with weight ${z}, not 1`;
}

function changed(before: Account, after: Account, mayMove: boolean): string | undefined {
  const errorMax = RELATIVE_ERROR_MAX * Math.max(1, before.size, after.size);
  if (Math.abs(after.z - before.z) > errorMax)
    return `the weight of its account went from ${before.z} to ${after.z}`;
  if (mayMove) return undefined;
  const at = after.y.findIndex((value, index) => Math.abs(value - before.y[index]!) > errorMax);
  return at < 0 ? undefined : `y[${at}] of its account went from ${before.y[at]} to ${after.y[at]}`;
}
