/**
 * How long the fastest of some silos take in the mean (Chen et al. 2016, backup workers: a round waits for the first n − b of n). With
 * independent times X, E[X₍ₖ₎] of the k-th fastest of n is
 *   exponential  shift + mean · (Hₙ − Hₙ₋ₖ),  Hₘ = 1 + 1/2 + … + 1/m
 *   uniform      from + (to − from) · k/(n + 1)
 */
import type { ComputeModel } from './compute-times.ts';

/** In milliseconds, 1 ≤ `waited` ≤ `count`; undefined for times that have no such formula here. */
export function fastestMeanMs(model: ComputeModel, count: number, waited: number): number | undefined {
  switch (model.kind) {
    case 'constant':
      return model.ms;
    case 'exponential': {
      let sum = 0;
      for (let rank = count; rank > count - waited; rank--) sum += 1 / rank;
      return model.shiftMs + model.meanMs * sum;
    }
    case 'uniform':
      return model.fromMs + ((model.toMs - model.fromMs) * waited) / (count + 1);
    case 'pareto':
    case 'trace':
      return undefined;
  }
}
