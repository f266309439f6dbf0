/** What every search by steps and chance wants to be told. */
import type { Random } from '../../base/random.ts';

export interface SearchOptions {
  readonly stepsMax: number;
  readonly random: Random;
  /** True once the time is up: the best so far is given then. */
  expired(): boolean;
}
