/**
 * How long the local updates of a round take on virtual time. Every time is a function of (seed, peer, round), never of the order in
 * which it is asked for: Random.of(seed, 'compute', peer, round).
 *
 * - constant: ms;
 * - exponential: shiftMs + Exp(mean meanMs);
 * - uniform: between fromMs and toMs;
 * - pareto: leastMs · (1 − U)^(−1/shape), mean leastMs · shape / (shape − 1) for shape > 1: few rounds take very long;
 * - trace: times[round][peer], from the first line again where the run is longer than the trace.
 * All times the peer's own slowness (its speed factor), and the number of updates where `per` is `step`.
 */
import { present } from '../base/assert.ts';
import { Random } from '../base/random.ts';

/** Milliseconds that `peer` trains in `round`. */
export type ComputeTimes = (peer: number, round: number) => number;

export type ComputeModel =
  | { readonly kind: 'constant'; readonly ms: number }
  | { readonly kind: 'exponential'; readonly meanMs: number; readonly shiftMs: number }
  | { readonly kind: 'uniform'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'pareto'; readonly leastMs: number; readonly shape: number }
  | { readonly kind: 'trace'; readonly times: readonly (readonly number[])[] };

/** Per peer, what its times are multiplied by: a list, or drawn once per peer as exp(sigma · N(0, 1)). */
export type Slowness = readonly number[] | { readonly sigma: number };

export interface ComputeSetting {
  readonly model: ComputeModel;
  readonly slowness?: Slowness;
  /** Updates per round of each peer, where the model's times are those of one update; absent: of a round. */
  readonly stepsPerRound?: readonly number[];
}

export function computeTimes({ model, slowness, stepsPerRound }: ComputeSetting, seed: number): ComputeTimes {
  const base = baseTimes(model, seed);
  if (slowness === undefined && stepsPerRound === undefined) return base;
  const factors = new Map<number, number>();
  const factorOf = (peer: number): number => {
    const known = factors.get(peer);
    if (known !== undefined) return known;
    const steps = stepsPerRound === undefined ? 1 : present(stepsPerRound[peer], `updates of peer ${peer}`);
    const factor = steps * slownessOf(slowness, seed, peer);
    factors.set(peer, factor);
    return factor;
  };
  return (peer, round) => factorOf(peer) * base(peer, round);
}

function slownessOf(slowness: Slowness | undefined, seed: number, peer: number): number {
  if (slowness === undefined) return 1;
  if ('sigma' in slowness) return Math.exp(slowness.sigma * Random.of(seed, 'slowness', peer).normal());
  return present(slowness[peer], `slowness of peer ${peer}`);
}

function baseTimes(model: ComputeModel, seed: number): ComputeTimes {
  const draw = (peer: number, round: number) => Random.of(seed, 'compute', peer, round);
  switch (model.kind) {
    case 'constant':
      return () => model.ms;
    case 'exponential':
      return (peer, round) => model.shiftMs + model.meanMs * draw(peer, round).exponential();
    case 'uniform':
      return (peer, round) => model.fromMs + (model.toMs - model.fromMs) * draw(peer, round).uniform();
    case 'pareto':
      return (peer, round) => model.leastMs * (1 - draw(peer, round).uniform()) ** (-1 / model.shape);
    case 'trace': {
      const { times } = model;
      return (peer, round) => {
        const line = present(times[round % times.length], 'a line of the trace');
        return present(line[peer], () => `time of peer ${peer} in line ${round % times.length}`);
      };
    }
  }
}
