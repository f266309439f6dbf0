/** What a run is compared with: one silo's samples alone, and all samples in one place. */
import type { Evaluation, Trainer } from './trainer.ts';

/** The same model trained on this Trainer's samples only, for as many rounds as the run had. The optimiser starts anew. */
export async function trainAlone(
  trainer: Trainer,
  rounds: number,
  stepsPerRound: number,
): Promise<{ own: Evaluation; global: Evaluation }> {
  await trainer.restore(new Uint8Array(0));
  let params = await trainer.initialParams();
  for (let round = 0; round < rounds; round++) {
    const firstStep = round * stepsPerRound;
    ({ params } = await trainer.train(params, stepsPerRound, { firstStep }));
  }
  return { own: await trainer.evaluate(params, 'own'), global: await trainer.evaluate(params, 'global') };
}

/** The model on pooled samples after `rounds` rounds of so many passes or updates, on the global test set. */
export async function trainPooled(
  trainer: Trainer,
  rounds: number,
  { kind, count }: { readonly kind: 'steps' | 'epochs'; readonly count: number },
): Promise<Evaluation> {
  const steps = rounds * count * (kind === 'epochs' ? trainer.stepsPerEpoch : 1);
  const { params } = await trainer.train(await trainer.initialParams(), steps, { firstStep: 0 });
  return trainer.evaluate(params, 'global');
}
