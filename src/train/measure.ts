/** What a silo can say of its model and its data, metric by metric, where all silos aggregate. */
import type { Vector } from '../params/layout.ts';
import type { Trainer } from './trainer.ts';

/** In the order of `names`; null where the silo has no such thing, or `withheld` names it. */
export async function measurementsOf(
  trainer: Trainer,
  params: Vector,
  names: readonly string[],
  withheld: readonly string[] = [],
): Promise<readonly (number | null)[]> {
  const measured = names.map(async (name) => {
    if (withheld.includes(name)) return null;
    if (name === 'samples') return trainer.sampleCount;
    const { accuracy } = await trainer.evaluate(params, name === 'ownTest' ? 'own' : 'global');
    return accuracy ?? null;
  });
  return Promise.all(measured);
}
