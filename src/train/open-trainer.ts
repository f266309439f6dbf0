/** From a spec to its Trainer in the calling thread: the toy, or a model on an engine. */
import type { TrainerSpec } from './spec.ts';
import type { EngineTrainer } from './tfjs-trainer.ts';

/** InputError as tfjsTrainer and toyTrainers; what is not asked for is not loaded. */
export async function openTrainer(spec: TrainerSpec): Promise<EngineTrainer> {
  if (spec.model.kind !== 'quadratic') return (await import('./tfjs-trainer.ts')).tfjsTrainer(spec);
  const [trainer] = (await import('./toy-trainers.ts')).toyTrainers([spec]);
  return trainer!;
}
