/** The invariants, by name, and what checks them all while a simulation runs. A new one is one file and one line in the list. */
import type { PeerConfig } from '../../peer/machine.ts';
import type { SimulationObserver } from '../observer.ts';
import { together } from '../together.ts';
import { accounting } from './accounting.ts';
import { asking } from './asking.ts';
import { chocoReplicas } from './choco-replicas.ts';
import { dpsgdMixing } from './dpsgd-mixing.ts';
import { finite } from './finite.ts';
import { gossipAges } from './gossip-ages.ts';
import { type Invariant, InvariantViolation } from './invariant.ts';
import { memory } from './memory.ts';
import { naming } from './naming.ts';
import { progress } from './progress.ts';
import { pushSumMass } from './push-sum-mass.ts';
import { rounds } from './rounds.ts';

export { InvariantViolation } from './invariant.ts';

const invariants: readonly Invariant[] = [
  finite,
  naming,
  rounds,
  accounting,
  progress,
  memory,
  asking,
  dpsgdMixing,
  gossipAges,
  pushSumMass,
  chocoReplicas,
];

/** An observer that ends the simulation with an InvariantViolation as soon as one of them is broken. */
export function invariantObserver(
  peers: readonly PeerConfig[],
  { stallMsMax = Number.POSITIVE_INFINITY }: { stallMsMax?: number } = {},
): SimulationObserver {
  const observers = invariants.flatMap((invariant) => {
    const watcher = invariant.watch({
      peers,
      stallMsMax,
      violate(nowMs, peer, what) {
        throw new InvariantViolation(invariant, nowMs, peer, what);
      },
    });
    return watcher === undefined ? [] : [watcher];
  });
  return together(observers);
}
