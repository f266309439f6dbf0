/** CHOCO's replicas are identical at both ends: where a neighbour holds x̂ᵢ in the version that i itself is at, it is the same to the bit. */
import type { ChocoState } from '../../exchange/choco.ts';
import { sameVersion } from '../../exchange/replica.ts';
import type { PeerState } from '../../peer/state.ts';
import type { Invariant } from './invariant.ts';

export const chocoReplicas: Invariant = {
  name: 'choco-replicas',
  summary: 'a replica of version v equals, to the bit, what its owner held as version v',
  watch({ peers, violate }) {
    if (!peers.every(({ rule }) => rule.name.split('+')[0] === 'choco')) return undefined;
    const states = peers.map((): PeerState | undefined => undefined);
    return {
      onStep(peer, event, _actions, state, nowMs) {
        states[peer] = state;
        if (event.kind === 'start') return;
        for (const [owner, replica] of (state.ruleState as ChocoState).replicas) {
          const known = states[owner];
          if (known === undefined || replica.vector === undefined) continue;
          const { own } = (known.ruleState as ChocoState).model;
          if (own.vector === undefined || !sameVersion(own.version, replica.version)) continue;
          const at = replica.vector.findIndex((value, index) => !Object.is(value, own.vector?.[index]));
          if (at >= 0)
            violate(
              nowMs,
              peer,
              `its replica of peer ${owner}, version ${replica.version.incarnation}.${replica.version.count}, holds ${replica.vector[at]} at ${at}, the owner ${own.vector[at]}`,
            );
        }
      },
    };
  },
};
