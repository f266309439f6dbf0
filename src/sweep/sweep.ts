/**
 * A sweep file: one experiment and what is varied in it. Its cells are the product of all axes and seeds; each is the experiment with
 * a few settings changed, exactly as by `--set` on the command line.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { checkAgainst, parseYaml } from '../base/document.ts';
import { type Problem, ProblemsError } from '../base/errors.ts';

/** A list of values for the setting that the axis is named after, or points by name, each of them several settings at once. */
const axisSchema = z.union([
  z.array(z.unknown()).min(1),
  z.record(z.string().min(1), z.record(z.string().min(1), z.unknown())),
]);

const sweepSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'wanted letters, digits, dots, dashes or underscores'),
  /** The experiment file; its path starts at the folder of the sweep file. */
  experiment: z.string().min(1),
  /** How each cell is run. */
  run: z.enum(['simulate', 'swarm']).default('simulate'),
  vary: z.record(z.string().min(1), axisSchema).default({}),
  /** A list, or how many: 1, 2, … */
  seeds: z.union([z.int().min(1), z.array(z.int().min(0)).min(1)]).default(1),
  /** Accuracy whose first reaching is told in rounds, seconds and bytes. */
  target: z.number().gt(0).max(1).optional(),
  plot: z
    .strictObject({
      x: z.enum(['round', 'seconds', 'bytes']).default('round'),
      y: z.enum(['mean', 'worst']).default('mean'),
      /** Axes whose points get a panel each; their combinations with all other axes are the lines. */
      panels: z.array(z.string()).optional(),
    })
    .prefault({}),
});

type SweepFile = z.output<typeof sweepSchema>;

export interface Axis {
  readonly name: string;
  readonly points: readonly AxisPoint[];
}

interface AxisPoint {
  readonly label: string;
  /** `path=value`, values as JSON. */
  readonly settings: readonly string[];
}

export interface Sweep {
  readonly name: string;
  /** Absolute. */
  readonly experiment: string;
  readonly run: SweepFile['run'];
  readonly axes: readonly Axis[];
  readonly seeds: readonly number[];
  readonly target?: number;
  readonly plot: SweepFile['plot'];
}

export interface Cell {
  /** From 0, in the order of the axes, the seed last. */
  readonly index: number;
  /** A folder's name: number, labels and seed. */
  readonly id: string;
  /** By axis, in the order of the axes. */
  readonly labels: readonly string[];
  readonly seed: number;
  readonly settings: readonly string[];
}

/** Throws ProblemsError with everything that is wrong. */
export function parseSweep(text: string, file: string): Sweep {
  const checked = checkAgainst(sweepSchema, parseYaml(text, file));
  if (!checked.ok) throw new ProblemsError(file, checked.problems);
  const { vary, seeds, experiment, target, ...rest } = checked.value;
  const axes = Object.entries(vary).map(([name, points]) => axisOf(name, points));
  const seedList = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  const problems = [
    ...axes.flatMap(repeatedLabels),
    ...repeatedSeeds(seedList),
    ...doubleSettings(axes),
    ...unknownPanels(axes, rest.plot.panels ?? []),
  ];
  if (problems.length > 0) throw new ProblemsError(file, problems);
  return {
    ...rest,
    experiment: resolve(dirname(file), experiment),
    axes,
    seeds: seedList,
    ...(target === undefined ? {} : { target }),
  };
}

export function cellCount({ axes, seeds }: Sweep): number {
  return axes.reduce((count, { points }) => count * points.length, seeds.length);
}

/** Cell number `index`: every cell can be named without making all of them. */
export function cellAt(sweep: Sweep, index: number): Cell {
  const { axes, seeds } = sweep;
  const seed = seeds[index % seeds.length] as number;
  let rest = Math.floor(index / seeds.length);
  const points: AxisPoint[] = [];
  for (const axis of [...axes].reverse()) {
    points.unshift(axis.points[rest % axis.points.length] as AxisPoint);
    rest = Math.floor(rest / axis.points.length);
  }
  const labels = points.map(({ label }) => label);
  const digits = String(cellCount(sweep) - 1).length;
  const words = [String(index).padStart(digits, '0'), ...labels, `seed-${seed}`];
  return {
    index,
    id: words
      .join('_')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .slice(0, 120),
    labels,
    seed,
    settings: [...points.flatMap(({ settings }) => settings), `seed=${seed}`],
  };
}

function axisOf(name: string, points: SweepFile['vary'][string]): Axis {
  if (Array.isArray(points)) {
    return {
      name,
      points: points.map((value) => ({
        label: typeof value === 'string' ? value : JSON.stringify(value),
        settings: [`${name}=${JSON.stringify(value)}`],
      })),
    };
  }
  return {
    name,
    points: Object.entries(points).map(([label, settings]) => ({
      label,
      settings: Object.entries(settings).map(([path, value]) => `${path}=${JSON.stringify(value)}`),
    })),
  };
}

function repeatedLabels({ name, points }: Axis): Problem[] {
  const labels = points.map(({ label }) => label);
  if (labels.length === 0) return [{ path: `vary.${name}`, message: 'has no points; wanted at least one' }];
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (repeated === undefined) return [];
  return [{ path: `vary.${name}`, message: `has ${repeated} twice; wanted each point once` }];
}

function repeatedSeeds(seeds: readonly number[]): Problem[] {
  const repeated = seeds.find((seed, index) => seeds.indexOf(seed) !== index);
  return repeated === undefined
    ? []
    : [{ path: 'seeds', message: `has ${repeated} twice; wanted each seed once` }];
}

function unknownPanels(axes: readonly Axis[], panels: readonly string[]): Problem[] {
  const names = axes.map(({ name }) => name);
  return panels
    .filter((panel) => !names.includes(panel))
    .map((panel) => ({
      path: 'plot.panels',
      message: `names ${panel}, which is no axis; wanted some of ${names.join(', ') || 'none, as nothing is varied'}`,
    }));
}

/** Two axes that set the same path: the later one would win everywhere, and the earlier say nothing. */
function doubleSettings(axes: readonly Axis[]): Problem[] {
  const owners = new Map<string, string>([['seed', 'seeds']]);
  const problems: Problem[] = [];
  for (const { name, points } of axes) {
    const paths = new Set(
      points.flatMap(({ settings }) => settings.map((setting) => setting.split('=')[0] as string)),
    );
    for (const path of paths) {
      const owner = owners.get(path);
      if (owner !== undefined)
        problems.push({
          path: `vary.${name}`,
          message: `sets ${path}, and so does ${owner}; wanted one of them only`,
        });
      else owners.set(path, name);
    }
  }
  return problems;
}
