/** From an experiment to peers on virtual time: plan, configs, Trainers in this thread, and the world they live in. */
import { present } from './base/assert.ts';
import { readDocumentFile } from './base/document.ts';
import {
  goalOf,
  localWorkOf,
  planOf,
  pooledJob,
  type SwarmData,
  siloRecordOf,
  siloTrainer,
} from './compose.ts';
import type { Experiment } from './experiment/experiment.ts';
import { peerConfig } from './peer/plan.ts';
import type { SimulatedRun } from './simulate/run.ts';
import { worldOf } from './simulate/world.ts';
import type { TrainerSpec } from './train/spec.ts';
import type { EngineTrainer } from './train/tfjs-trainer.ts';

/** A simulation trains one peer after another; more threads would change the order of sums. */
export const SIMULATION_THREADS = 1;

export type ComposedRun = Omit<SimulatedRun, 'versions' | 'livesBefore'>;

/** Everything that a run on virtual time needs, less where it goes on from. InputError as the Trainers. */
export async function composeSimulation(experiment: Experiment, data: SwarmData): Promise<ComposedRun> {
  const { name, seed, record, baselines } = experiment;
  const trainers = await simulationTrainers(experiment, data);
  const plan = planOf(experiment);
  const work = localWorkOf(experiment);
  const peers = data.plan.silos.map(({ name: silo }, self) => {
    const trainer = present(trainers[self], `trainer ${self}`);
    const steps = work.count * (work.kind === 'epochs' ? trainer.stepsPerEpoch : 1);
    return { name: silo, config: peerConfig(plan, self, steps), trainer, silo: siloRecordOf(data, self) };
  });
  const pooled = baselines.includes('pooled') ? pooledJob(experiment, data, SIMULATION_THREADS) : undefined;
  return {
    name,
    seed,
    record,
    goal: goalOf(experiment),
    peers,
    world: worldOf(
      experiment,
      peers.map(({ config }) => config.stepsPerRound),
      (path) => readDocumentFile(path, 'trace of compute times'),
    ),
    hasGlobalTest: data.plan.globalTest.indices.length > 0,
    baselines: {
      alone: baselines.includes('alone'),
      ...(pooled === undefined
        ? {}
        : {
            pooled: {
              trainer: async () => present((await exact([pooled.trainer]))[0], 'a trainer'),
              perRound: pooled.perRound,
            },
          }),
    },
  };
}

/** One Trainer per silo, in this thread; batched ones wait for each other's calls. */
export async function simulationTrainers(
  experiment: Experiment,
  data: SwarmData,
): Promise<readonly EngineTrainer[]> {
  const specs = data.plan.silos.map((_, self) => siloTrainer(experiment, data, self, SIMULATION_THREADS));
  if (experiment.simulate.training === 'exact') return exact(specs);
  const { batchedTrainers } = await import('./train/many-trainers.ts');
  return batchedTrainers(specs);
}

/** InputError as the Trainers. */
async function exact(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  const { exactTrainers } = await import('./train/many-trainers.ts');
  return exactTrainers(specs);
}
