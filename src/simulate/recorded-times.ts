/**
 * How long the updates of each round took in a run that was recorded, as a trace for the compute times of a simulation:
 * times[round][silo] in milliseconds. A silo that did fewer rounds than another begins its own again at their end.
 */
import { InputError } from '../base/errors.ts';
import type { RoundRecord } from '../record/index.ts';

/** InputError `run-times-missing`, `run-silos-differ`: what the run at `folder` lacks. */
export function recordedTimes(
  folder: string,
  rounds: readonly RoundRecord[],
  siloCount: number,
): readonly (readonly number[])[] {
  const bySilo = Array.from({ length: siloCount }, (): number[] => []);
  for (const { peer, trainMs, loss } of rounds) {
    const times = bySilo[peer];
    if (times === undefined)
      throw new InputError(
        'run-silos-differ',
        `${folder} has a silo ${peer}, and this experiment has ${siloCount}: take the times of a run with as many silos`,
        { folder, peer },
      );
    // With backups a round may be one for which the silo's late updates of an earlier one count: none are its own.
    const isTrained = trainMs !== undefined && (trainMs > 0 || loss !== null);
    if (isTrained) times.push(trainMs);
  }
  const without = bySilo.findIndex((times) => times.length === 0);
  if (without >= 0)
    throw new InputError(
      'run-times-missing',
      `${folder} tells no times of silo ${without}: it needs a run of ${siloCount} silos recorded with record: rounds or all`,
      { folder, peer: without },
    );
  const longest = Math.max(...bySilo.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) =>
    bySilo.map((times) => times[round % times.length] as number),
  );
}
