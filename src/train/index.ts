/** Local training: the Trainer seam and its implementations. Importing this loads no tfjs; making a trainer does. */
export type { ExportedModel } from './export.ts';
export { exportLayersModel } from './export.ts';
export { batchedTrainers, exactTrainers } from './many-trainers.ts';
export { evaluateParams, loadParams } from './saved.ts';
export type {
  BackendName,
  ModelShape,
  ModelSpec,
  OptimizerSpec,
  SampleSelection,
  ScheduleSpec,
  SiloData,
  TrainerSpec,
  TrainSpec,
} from './spec.ts';
export type { EngineTrainer, SiloSamples } from './tfjs-trainer.ts';
export { tfjsTrainer } from './tfjs-trainer.ts';
export { type QuadraticOptions, type QuadraticStepResult, quadraticStep, quadraticTrainer } from './toy.ts';
export type { Evaluation, EvaluationSet, SampleKey, Trainer, TrainResult } from './trainer.ts';
export { type WorkerOptions, workerTrainer } from './worker-trainer.ts';
