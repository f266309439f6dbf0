/**
 * The contract of a designer: from a connectivity graph to an overlay. One file each, one line in registry.ts; the
 * command line, the comparison table and the judge work for a new one without knowing it.
 * A designer is a pure function of problem, options and the chance it is given. It may not read a clock: it asks
 * `run.expired()` between steps, and when that says true it returns its best overlay so far, or throws `outOfTime`
 * where it has none.
 */
import type { z } from 'zod';
import { OperatingError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { ConnectivityGraph } from '../delays.ts';
import type { LabelShares } from '../label-shares.ts';
import type { Arc, Overlay } from '../overlay.ts';

export interface DesignProblem {
  readonly graph: ConnectivityGraph;
  readonly labelShares?: LabelShares;
}

export interface DesignRun {
  /** A stream of chance of its own for each name. */
  random(...path: (string | number)[]): Random;
  /** True once the time is up. Cheap: ask in every outer loop. */
  expired(): boolean;
  /** A line for people about how far it is. */
  progress(line: string): void;
  /** False: nobody reads a lower bound, so none is proved; true by default. */
  readonly wantsBound?: boolean;
}

/**
 * How a round over the overlay is timed.
 * - gossip: a silo starts its next round when its neighbours' models are in: the maximum cycle mean, over the whole
 *   period where there is a schedule;
 * - star: the hub gathers from all, then sends to all (`Tc + max d(v, hub) − Tc + max d(hub, v) − Tc`);
 * - pipelined: arc k of `overlay.arcs` delivers what was sent `staleness[k]` rounds ago (≥ 1);
 * - random: each round draws its arcs anew; with `barrier` all wait for the slowest of them (as MATCHA counts).
 */
export type Timing =
  | { readonly kind: 'gossip' }
  | { readonly kind: 'star'; readonly hub: number }
  | { readonly kind: 'pipelined'; readonly staleness: readonly number[] }
  | { readonly kind: 'random'; draw(random: Random): readonly Arc[]; readonly barrier: boolean };

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
  /** Throws InputError where the problem or the options do not fit, `outOfTime` where nothing is ready in time. */
  design(problem: DesignProblem, options: Options, run: DesignRun): Design;
}

/** The error of a designer that has nothing to show when its time is up. */
export function outOfTime(name: string): OperatingError<'time-limit'> {
  return new OperatingError('time-limit', `${name}: nothing ready within the time limit; allow it more`);
}
