/**
 * `simulate` with every invariant on, beside the observer that a test brings: a simulation in a test goes through here. A run that the
 * test itself cuts short (untilMs, eventsMax) is not asked to have come to its end.
 */

import {
  type SimulatedPeer,
  type SimulationObserver,
  type SimulationOptions,
  type SimulationResult,
  simulate,
} from '../../src/simulate/index.ts';
import { invariantObserver } from '../../src/simulate/invariants/index.ts';
import { together } from '../../src/simulate/together.ts';

export function simulateWatched(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  const invariants = invariantObserver(peers.map(({ config }) => config));
  const untilEnd: SimulationObserver = {
    ...invariants,
    onEnd: (result) => {
      if (result.ended !== 'time' && result.ended !== 'events') invariants.onEnd?.(result);
    },
  };
  const { observer } = options;
  return simulate(peers, {
    ...options,
    observer: together(observer === undefined ? [untilEnd] : [untilEnd, observer]),
  });
}
