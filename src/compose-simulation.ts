/** From an experiment to peers on virtual time: plan, configs, Trainers in this thread, and the world they live in. */
import { present } from './base/assert.ts';
import { readDocumentFile } from './base/document.ts';
import { InputError } from './base/errors.ts';
import { outsideTurn } from './base/idle.ts';
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
import { vectorDigest } from './params/layout.ts';
import { peerConfig } from './peer/plan.ts';
import type { RunInfo } from './record/index.ts';
import type { RecordedRun } from './simulate/recorded-run.ts';
import type { SimulatedRun } from './simulate/run.ts';
import { worldOf } from './simulate/world.ts';
import type { TrainerSpec } from './train/spec.ts';
import type { EngineTrainer } from './train/tfjs-trainer.ts';

/** A simulation trains one peer after another; more threads would change the order of sums. */
const SIMULATION_THREADS = 1;

export type ComposedRun = Omit<SimulatedRun, 'versions' | 'livesBefore'>;

/** Everything that a run on virtual time needs, less where it goes on from. InputError as the Trainers. */
export async function composeSimulation(experiment: Experiment, data: SwarmData): Promise<ComposedRun> {
  const { name, seed, record, baselines } = experiment;
  const trainers = await simulationTrainers(experiment, data);
  const plan = planOf(experiment);
  const peers = data.plan.silos.map(({ name: silo }, self) => {
    const trainer = present(trainers[self], `trainer ${self}`);
    return {
      name: silo,
      config: peerConfig(plan, self, stepsOf(experiment, trainer)),
      trainer,
      silo: siloRecordOf(data, self),
    };
  });
  const ofRun = await timesOfRun(experiment, peers.length);
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
      {
        readText: (path) => readDocumentFile(path, 'trace of compute times'),
        ...(ofRun === undefined ? {} : { ofRun }),
      },
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

/** InputError as loadRun, `run-times-missing`, `run-silos-differ`. */
async function timesOfRun({ simulate: { compute } }: Experiment, siloCount: number) {
  if (compute.kind !== 'run') return undefined;
  const { loadRun } = await import('./report/index.ts');
  const { recordedTimes } = await import('./simulate/recorded-times.ts');
  return recordedTimes(compute.from, (await loadRun(compute.from)).rounds, siloCount);
}

/** One Trainer per silo, in this thread; batched ones wait for each other's calls. */
async function simulationTrainers(
  experiment: Experiment,
  data: SwarmData,
): Promise<readonly EngineTrainer[]> {
  return simulated(
    experiment,
    data.plan.silos.map((_, self) => siloTrainer(experiment, data, self, SIMULATION_THREADS)),
  );
}

/** InputError as the Trainers. */
async function simulated(
  { simulate }: Experiment,
  specs: readonly TrainerSpec[],
): Promise<readonly EngineTrainer[]> {
  if (simulate.training === 'exact') return exact(specs);
  const { batchedTrainers } = await import('./train/many-trainers.ts');
  return batchedTrainers(specs);
}

/** Optimiser updates per round of a silo. */
function stepsOf(experiment: Experiment, { stepsPerEpoch }: EngineTrainer): number {
  const { kind, count } = localWorkOf(experiment);
  return count * (kind === 'epochs' ? stepsPerEpoch : 1);
}

/** InputError as the Trainers. */
async function exact(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  const { exactTrainers } = await import('./train/many-trainers.ts');
  return exactTrainers(specs);
}

/** How a replayed peer compares. */
export interface ReplayRow {
  readonly name: string;
  /** Rounds done. */
  readonly round: number;
  /** SHA-256 (hex) of the final params; absent where the peer died before its end. */
  readonly recorded?: string;
  readonly replayed: string;
  /** Events before a restart that no log leads to. */
  readonly skipped: number;
}

/** Runs a recorded run again, on the engines and threads that its logs name. InputError `replay-engines`; errors of replay. */
export async function replayRun(
  experiment: Experiment,
  data: SwarmData,
  { logs }: RecordedRun,
  onProgress: (done: number, lines: number) => void,
): Promise<readonly ReplayRow[]> {
  const { replay } = await import('./simulate/replay.ts');
  const trainers = await recordedTrainers(experiment, data, logs);
  const plan = planOf(experiment);
  const peers = logs.map(({ log }, self) => {
    const trainer = present(trainers[self], `trainer ${self}`);
    return { config: peerConfig(plan, self, stepsOf(experiment, trainer)), trainer, log };
  });
  let letIn = 0;
  const replayed = await replay(peers, {
    onProgress: (done, lines) => {
      onProgress(done, lines);
      // Signals and the progress line get their turn.
      return letIn++ % 8 === 0 ? outsideTurn() : undefined;
    },
  });
  for (const trainer of trainers) await trainer.dispose();
  return replayed.map(({ round, params, skipped }, self) => {
    const { end } = present(logs[self], `log ${self}`);
    return {
      name: present(data.plan.silos[self], `silo ${self}`).name,
      round,
      ...(end === undefined ? {} : { recorded: end.paramsSha256 }),
      replayed: vectorDigest(params),
      skipped,
    };
  });
}

/** One engine per silo for the whole of its log. */
async function recordedTrainers(
  experiment: Experiment,
  data: SwarmData,
  logs: RecordedRun['logs'],
): Promise<readonly EngineTrainer[]> {
  const specs = logs.map(({ starts }, self): TrainerSpec => {
    const used = [...new Set(starts.map(({ backend, threads = 1 }) => `${backend} on ${threads} threads`))];
    const [{ backend, threads = 1 }] = starts as [RunInfo];
    if (used.length > 1) {
      const { name } = present(data.plan.silos[self], `silo ${self}`);
      throw new InputError(
        'replay-engines',
        `${name} trained with ${used.join(', then with ')}: a run that changes its engine cannot be replayed`,
        { peer: self },
      );
    }
    const spec = siloTrainer(experiment, data, self, threads);
    return { ...spec, backend: backend as TrainerSpec['backend'] };
  });
  // A batched silo's numbers depend on nobody else in its batch: any grouping gives them again.
  const wasSimulated = logs.some(({ starts }) => starts[0]?.mode === 'simulate');
  return wasSimulated ? simulated(experiment, specs) : exact(specs);
}
