/** Before a sweep's first cell runs: is what it varies sound? All problems at once. */
import { InputError, type Problem, ProblemsError } from '../base/errors.ts';
import type { DesignCache } from '../experiment/index.ts';
import { type Cell, cellAt, cellCount, type Sweep } from '../sweep/sweep.ts';
import { readExperiment } from './designing.ts';
import type { Session } from './session.ts';

/** Up to so many combinations of the axes each one is looked at; of more, each point with the others at their first. */
const COMBINATIONS_MAX = 256;
/** Of the combinations that cannot run, so many are told. */
const TOLD_MAX = 5;

/**
 * A point that no combination can run is refused (ProblemsError), and so is a sweep none of whose cells can (InputError as
 * readExperiment). Of the rest, what does not go together is told, since a grid of rules and graphs has such places.
 */
export async function checkSweep(
  session: Session,
  sweep: Sweep,
  file: string,
  designs: DesignCache,
): Promise<void> {
  const combinations = combinationsOf(sweep);
  const errors: (InputError | undefined)[] = [];
  for (const { settings } of combinations) {
    const overrides = [...session.overrides, ...settings];
    errors.push(await problemWith(() => readExperiment(session, sweep.experiment, overrides, designs)));
  }
  const unsound = combinations.flatMap((cell, index) => {
    const error = errors[index];
    return error === undefined ? [] : [{ cell, error }];
  });
  if (unsound.length === combinations.length && unsound[0] !== undefined) throw unsound[0].error;
  const problems = hopelessPoints(sweep, combinations, errors);
  if (problems.length > 0) throw new ProblemsError(file, problems);
  if (unsound.length > 0) session.warn(incompatible(unsound, combinations.length));
}

/** Each with the first seed. */
function combinationsOf(sweep: Sweep): Cell[] {
  const seedCount = sweep.seeds.length;
  const count = cellCount(sweep) / seedCount;
  if (count <= COMBINATIONS_MAX)
    return Array.from({ length: count }, (_, index) => cellAt(sweep, index * seedCount));
  // The later an axis, the sooner its points take turns.
  const cells = [cellAt(sweep, 0)];
  let stride = seedCount;
  for (const { points } of [...sweep.axes].reverse()) {
    for (let point = 1; point < points.length; point++) cells.push(cellAt(sweep, point * stride));
    stride *= points.length;
  }
  return cells;
}

async function problemWith(read: () => Promise<unknown>): Promise<InputError | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

/** Points that were looked at, and never in a sound combination. */
function hopelessPoints(
  { axes }: Sweep,
  combinations: readonly Cell[],
  errors: readonly (InputError | undefined)[],
): Problem[] {
  return axes.flatMap(({ name, points }, axis) =>
    points.flatMap(({ label }): Problem[] => {
      const own = combinations.flatMap(({ labels }, index) =>
        labels[axis] === label ? [errors[index]] : [],
      );
      const [first] = own;
      if (first === undefined || own.includes(undefined)) return [];
      return [{ path: `vary.${name}, point ${label}`, message: first.message }];
    }),
  );
}

function incompatible(
  unsound: readonly { readonly cell: Cell; readonly error: InputError }[],
  count: number,
): string {
  const told = unsound
    .slice(0, TOLD_MAX)
    .map(({ cell, error }) => `${cell.labels.join(', ')}: ${error.message}`);
  const untold = unsound.length - told.length;
  return [
    `${unsound.length} of ${count} combinations cannot run; their cells will be noted as failed`,
    ...told,
    ...(untold > 0 ? [`and ${untold} more`] : []),
  ].join('\n  ');
}
