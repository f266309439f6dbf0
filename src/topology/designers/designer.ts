/**
 * The contract of a designer: from a connectivity graph to an overlay. One file each, one line in registry.ts; the
 * command line, the comparison table and the judge work for a new one without knowing it.
 * A designer is a pure function of problem, options and the chance it is given. It may not read a clock: it asks
 * `run.expired()` between steps, and when that says true it returns its best overlay so far, or throws `outOfTime`
 * where it has none.
 */
import type { z } from 'zod';
import { OperatingError } from '../../base/errors.ts';
import { Random } from '../../base/random.ts';
import type { ConnectivityGraph } from '../delays.ts';
import type { LabelShares } from '../label-shares.ts';
import type { Overlay, Timing } from '../overlay.ts';

export interface DesignProblem {
  readonly graph: ConnectivityGraph;
  readonly labelShares?: LabelShares;
  /** What other designers made of the same graph with their usual options, by name: to go on from instead of doing it again. */
  readonly designed?: ReadonlyMap<string, Design>;
}

export interface DesignRun {
  /** A stream of chance of its own for each name. The same for all designers: who does the same thing finds the same. */
  random(...path: (string | number)[]): Random;
  /** True once the time is up, or that share of it (0 to 1). Cheap: ask in every outer loop. */
  expired(share?: number): boolean;
  /** A line for people about how far it is. */
  progress(line: string): void;
  /** False: nobody reads a lower bound, so none is proved; true by default. */
  readonly wantsBound?: boolean;
}

export interface Design {
  /** With weights, schedule or placement where the designer chose them; nodes are the graph's names, in its order. */
  readonly overlay: Overlay;
  readonly timing: Timing;
  /** What people should know: which variant ran, what was cut short, where it comes from. */
  readonly notes: readonly string[];
  /** Where the designer itself proved that no overlay whatsoever is faster, ms. */
  readonly lowerBoundMs?: number;
}

export interface Designer<Options = unknown> {
  /** As in `--overlay NAME`. */
  readonly name: string;
  /** One line for the help text: what it does, and the source. */
  readonly summary: string;
  /** What `--options` may hold; every key with a default, so that `{}` is valid. */
  readonly options: z.ZodType<Options>;
  /** Larger networks are refused by name (`design-too-large`): its cost or memory would not be bounded. */
  readonly silosMax: number;
  /** How much of a comparison's time is its own, beside 1 for the others, which come first; by default 1. */
  readonly patience?: number;
  /** Throws InputError where the problem or the options do not fit, `outOfTime` where nothing is ready in time. */
  design(problem: DesignProblem, options: Options, run: DesignRun): Design;
}

/** The chance of a run, from its seed. */
export function designChance(seed: number): DesignRun['random'] {
  return (...path) => Random.of(seed, 'design', ...path);
}

/** The error of a designer that has nothing to show when its time is up. */
export function outOfTime(name: string): OperatingError<'time-limit'> {
  return new OperatingError('time-limit', `${name}: nothing ready within the time limit; allow it more`);
}
