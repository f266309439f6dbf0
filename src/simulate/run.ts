/**
 * A whole simulated run: peers on virtual time under a recorder, in the run's directory; what it came to, and the comparisons after
 * it. The wall clock is used for progress and for letting signals in, never for what is written.
 */
import type { Clock } from '../base/clock.ts';
import { requireParamsFit } from '../exchange/length.ts';
import { consensusDistance } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import type { PeerConfig } from '../peer/machine.ts';
import {
  type PeerOutcome,
  RECORD_FORMAT,
  type RecordLevel,
  type RunSummary,
  summariseRun,
} from '../record/index.ts';
import { trainAlone, trainPooled } from '../train/baselines.ts';
import type { EngineTrainer } from '../train/tfjs-trainer.ts';
import type { Evaluation, Trainer } from '../train/trainer.ts';
import { simulate } from './engine.ts';
import type { SimulationObserver } from './observer.ts';
import { type RecordSink, SimulationRecorder } from './recorder.ts';
import type { SimulatedPeer, SimulationOptions } from './simulation.ts';
import type { SimulatedCheckpoint } from './snapshots.ts';
import { together } from './together.ts';

export interface RunPeer {
  readonly name: string;
  readonly config: PeerConfig;
  readonly trainer: EngineTrainer;
  readonly silo: {
    readonly samples: number;
    readonly testSamples: number;
    readonly labelCounts: readonly number[];
  };
  readonly resumeFrom?: SimulatedCheckpoint | undefined;
}

export interface SimulatedRun {
  readonly name: string;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly record: RecordLevel;
  /** Incarnations that earlier starts of this run may have used. */
  readonly livesBefore: number;
  readonly goal: { readonly targetAccuracy?: number; readonly seconds?: number };
  readonly peers: readonly RunPeer[];
  /** Network, compute times, faults. */
  readonly world: Pick<SimulationOptions, 'links' | 'computeMs' | 'faults'>;
  /** Who else watches, such as the invariants. */
  readonly observers?: readonly SimulationObserver[];
  readonly hasGlobalTest: boolean;
  readonly baselines: {
    readonly alone: boolean;
    readonly pooled?: {
      trainer(): Promise<EngineTrainer>;
      readonly perRound: { readonly kind: 'steps' | 'epochs'; readonly count: number };
    };
  };
}

export interface RunDependencies {
  readonly sink: RecordSink & { readonly isJoint: boolean; flush(): void };
  readonly clock: Clock;
  readonly interruption: AbortSignal;
  readonly onProgress: (progress: RunProgress) => void;
  readonly onNote: (text: string) => void;
}

export interface RunProgress {
  readonly virtualMs: number;
  readonly events: number;
  /** Over all peers. */
  readonly roundsDone: number;
}

export interface SimulatedRunResult {
  readonly summary: RunSummary;
  /** By peer; undefined for one that died. */
  readonly outcomes: readonly (PeerOutcome | undefined)[];
  readonly params: ReadonlyMap<number, Vector>;
  readonly events: number;
}

/** Between two looks at the world outside. */
const BREATH_MS = 100;

/** Rejects with what ended it early: `rule-model`, a full disk (`storage-full` …), `training-diverged`. What was written stays. */
export async function runSimulation(
  run: SimulatedRun,
  dependencies: RunDependencies,
): Promise<SimulatedRunResult> {
  const { peers, goal } = run;
  const { sink, interruption } = dependencies;
  for (const { config, trainer } of peers)
    requireParamsFit(config.rule, config.context.options, trainer.layout.size);
  const options = { level: run.record, jointLog: sink.isJoint, ...targetOf(goal) };
  const recorder = new SimulationRecorder(peers, options, sink);
  const breath = new Breath(dependencies, recorder);
  writeHeads(run, recorder);
  const simulated = peers.map(
    ({ config, trainer, resumeFrom }): SimulatedPeer => ({
      config,
      trainer: breathing(trainer, breath),
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
    }),
  );
  try {
    const result = await simulate(simulated, {
      ...run.world,
      seed: run.seed,
      ...(goal.seconds === undefined ? {} : { secondsMax: goal.seconds }),
      livesBefore: run.livesBefore,
      observer: together([{ onBreath: () => breath.take() }, recorder.observer, ...(run.observers ?? [])]),
      interruption,
    });
    const outcomes = await recorder.finish();
    const interrupted = interruption.aborted;
    const params = recorder.finalParams();
    const baselines = interrupted
      ? { alone: [], pooled: undefined }
      : await compare(run, outcomes, dependencies);
    const summary = summariseRun({
      name: run.name,
      mode: 'simulate',
      seed: run.seed,
      hasGlobalTest: run.hasGlobalTest,
      members: peers.map(({ name, silo: { samples } }) => ({ name, samples })),
      peers: outcomes,
      interrupted,
      startRound: Math.min(...peers.map(({ resumeFrom }) => resumeFrom?.round ?? 0)),
      ...baselines,
      wallMs: result.endMs,
      consensusDistance: consensusDistance([...params.values()]),
    });
    return { summary, outcomes, params, events: result.eventCount };
  } finally {
    sink.flush();
  }
}

function targetOf({ targetAccuracy }: SimulatedRun['goal']) {
  return targetAccuracy === undefined ? {} : { targetAccuracy };
}

function writeHeads({ peers, name, seed, versions }: SimulatedRun, recorder: SimulationRecorder): void {
  for (const [peer, { name: siloName, trainer, silo }] of peers.entries()) {
    const { backend } = trainer;
    recorder.write(peer, {
      type: 'run',
      format: RECORD_FORMAT,
      name,
      mode: 'simulate',
      seed,
      peer,
      backend,
      threads: 1,
      versions,
    });
    recorder.write(peer, { type: 'silo', peer, name: siloName, ...silo });
  }
}

/** A look at the world outside now and then: the simulation itself never lets go of the thread. */
class Breath {
  readonly #with: RunDependencies;
  readonly #recorder: SimulationRecorder;
  #lastMs: number;

  constructor(dependencies: RunDependencies, recorder: SimulationRecorder) {
    this.#with = dependencies;
    this.#recorder = recorder;
    this.#lastMs = dependencies.clock.now();
  }

  /** Undefined where it is too early. */
  take(): Promise<void> | undefined {
    return this.#with.clock.now() - this.#lastMs < BREATH_MS ? undefined : this.#take();
  }

  async #take(): Promise<void> {
    const { roundsDone, steps, nowMs } = this.#recorder;
    this.#with.onProgress({ virtualMs: nowMs, events: steps, roundsDone });
    this.#with.sink.flush();
    await this.#recorder.settle();
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastMs = this.#with.clock.now();
  }
}

/** The Trainer, taking a breath after each training. */
function breathing(trainer: Trainer, breath: Breath): Trainer {
  return {
    ...trainer,
    train: async (params, steps, key) => {
      const result = await trainer.train(params, steps, key);
      await breath.take();
      return result;
    },
  };
}

type Baselines = Pick<Parameters<typeof summariseRun>[0], 'alone' | 'pooled'>;

/** What the run is compared with; cut short where the user stops it: the run itself is complete. */
async function compare(
  { peers, baselines }: SimulatedRun,
  outcomes: readonly (PeerOutcome | undefined)[],
  { interruption, onNote }: RunDependencies,
): Promise<Baselines> {
  const rounds = outcomes.reduce((least, outcome) => Math.min(least, outcome?.round ?? least), Infinity);
  const nothing: Baselines = { alone: [], pooled: undefined };
  if (rounds === Number.POSITIVE_INFINITY) return nothing;
  const alone: { own: Evaluation; global: Evaluation }[] = [];
  if (baselines.alone) {
    onNote('training each silo alone, for comparison');
    for (const { trainer, config } of peers) {
      alone.push(await trainAlone(trainer, rounds, config.stepsPerRound));
      await new Promise((resolve) => setImmediate(resolve));
      if (interruption.aborted) return nothing;
    }
  }
  if (baselines.pooled === undefined) return { alone, pooled: undefined };
  onNote('training on all data pooled in one place, for comparison');
  const trainer = await baselines.pooled.trainer();
  const pooled = await trainPooled(trainer, rounds, baselines.pooled.perRound);
  await trainer.dispose();
  return { alone, pooled };
}
