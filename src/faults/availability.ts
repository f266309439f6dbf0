/**
 * Two-state Markov availability: P(on|on) = λ + (1 − λ)π, P(on|off) = (1 − λ)π for the share π and the memory λ; lag-k
 * autocorrelation λᵏ (Rodio, Faticanti, Marfoq, Neglia, Leonardi 2023). Ours beside it: with probability `correlation` a peer's draw
 * in a slot is the one that all peers share, which leaves each peer's own chain as it is.
 */
import { type NamedDraws, namedDraws } from '../base/random.ts';
import type { Deed } from './deed.ts';
import type { AvailabilityFault } from './fault.ts';

/** Chance of being on in the next slot. */
export function onProbability(
  { share, memory }: Pick<AvailabilityFault, 'share' | 'memory'>,
  isOn: boolean,
): number {
  return (isOn ? memory : 0) + (1 - memory) * share;
}

/** Who is on in each slot, from slot 0, without end; `index` is the fault's place in its schedule. The array yielded is reused. */
export function* availabilitySlots(
  fault: AvailabilityFault,
  seed: number,
  index: number,
): Generator<readonly boolean[]> {
  const draws = namedDraws(seed, 'availability', fault.stream ?? index);
  const on = fault.peers.map((peer) => drawn(draws, fault, peer, 0) < fault.share);
  for (let slot = 1; ; slot++) {
    yield on;
    for (const [place, peer] of fault.peers.entries())
      on[place] = drawn(draws, fault, peer, slot) < onProbability(fault, on[place] === true);
  }
}

/** What the availability does to its peers; at its end everybody is on again. */
export function* availabilityDeeds(fault: AvailabilityFault, seed: number, index: number): Generator<Deed> {
  const { peers, fromMs, toMs = Number.POSITIVE_INFINITY, slotMs, off } = fault;
  const [down, up] = off === 'crash' ? (['crash', 'start'] as const) : (['pause', 'resume'] as const);
  const isOff = peers.map(() => false);
  let slot = 0;
  for (const on of availabilitySlots(fault, seed, index)) {
    const atMs = Math.min(toMs, fromMs + slot++ * slotMs);
    for (const [place, peer] of peers.entries()) {
      const offNow = on[place] === false && atMs < toMs;
      if (offNow === isOff[place]) continue;
      isOff[place] = offNow;
      yield { kind: offNow ? down : up, peer, atMs };
    }
    if (atMs >= toMs) return;
  }
}

const SHARED = -1;

function drawn(draws: NamedDraws, { correlation }: AvailabilityFault, peer: number, slot: number): number {
  const isShared = correlation > 0 && draws(peer, slot, 1, 0, 0) < correlation;
  return draws(isShared ? SHARED : peer, slot, 0, 0, 0);
}
