/** What a peer asks its driver to compute and to keep: local updates, evaluations, checkpoints. */
import { OperatingError } from '../base/errors.ts';
import type { PeerAction, PeerEvent } from '../peer/machine.ts';
import { measurementsOf } from '../train/measure.ts';
import type { Trainer } from '../train/trainer.ts';
import type { Driven, Training } from './driven.ts';
import type { Stage } from './stage.ts';

/** Starts the local updates; their result is planned for when they are done on virtual time. */
export function train(stage: Stage, one: Driven, action: PeerAction & { kind: 'train' }, atMs: number): void {
  const { computeMs, faults, stopMs, interruption } = stage.options;
  const { round } = one.state;
  // Only who is stopped in the middle of a round needs the optimiser's state from before it.
  if ((faults ?? stopMs ?? interruption) !== undefined) one.snapshots.beforeTraining(round);
  const tookMs = (computeMs?.(one.peer, round) ?? 0) * (faults?.slowness(one.peer, atMs) ?? 1);
  const promise = updates(one.recorded.trainer, action);
  const training: Training = { dueMs: atMs + tookMs, pausedMs: one.pausedMs, promise, result: undefined };
  promise.then(
    (result) => {
      training.result = result;
    },
    () => undefined, // told where it is awaited
  );
  stage.queue.push(training.dueMs, one.peer, { kind: 'trained', life: one.life, training });
}

/** The virtual end of local updates: applied now, or when their result has come; or put off by as long as the peer stood still. */
export function trained(
  stage: Stage,
  one: Driven,
  training: Training,
  atMs: number,
): Promise<void> | undefined {
  const stoodMs = one.pausedMs - training.pausedMs;
  if (stoodMs > 0) {
    training.pausedMs = one.pausedMs;
    training.dueMs = Math.max(atMs, training.dueMs + stoodMs);
    stage.queue.push(training.dueMs, one.peer, { kind: 'trained', life: one.life, training });
    return undefined;
  }
  if (training.result === undefined) return training.promise.then((result) => stage.step(one, result, atMs));
  stage.step(one, training.result, atMs);
  return undefined;
}

/** An observer that says that the goal is reached has the peer hear of it at this instant. */
export function evaluate(
  { observer, queue }: Stage,
  one: Driven,
  { round, params }: PeerAction & { kind: 'evaluate' },
  atMs: number,
): void {
  const reached = observer.onEvaluate?.(one.peer, round, params, atMs);
  if (reached === undefined) return;
  reached.catch(() => undefined); // told where it is awaited
  queue.push(atMs, one.peer, { kind: 'reached', life: one.life, reached });
}

/** The peer hears at this instant how its params do. */
export function measure(
  { queue }: Stage,
  one: Driven,
  { params }: PeerAction & { kind: 'measure' },
  atMs: number,
): void {
  const { trainer, config } = one.recorded;
  const values = measurementsOf(trainer, params, config.aggregate?.metrics ?? []);
  values.catch(() => undefined); // told where it is awaited
  queue.push(atMs, one.peer, { kind: 'measured', life: one.life, values });
}

/** Checkpoints are taken where somebody may need them: a peer that dies and comes back, or an observer. */
export function persist(
  { observer, options }: Stage,
  one: Driven,
  action: PeerAction & { kind: 'persist' },
  atMs: number,
): void {
  if (options.faults === undefined && observer.onPersist === undefined) return;
  const checkpoint = one.snapshots.persist(action);
  observer.onPersist?.(one.peer, checkpoint, atMs);
}

async function updates(trainer: Trainer, action: PeerAction & { kind: 'train' }): Promise<PeerEvent> {
  const { token, params, steps, firstStep } = action;
  const { params: after, loss, gradientSquaredNorm } = await trainer.train(params, steps, { firstStep });
  return { kind: 'trained', token, params: after, loss, gradientSquaredNorm };
}

/** Ends the simulation: what a process would end with. */
export function diverged({ peer }: Driven, round: number): never {
  throw new OperatingError(
    'training-diverged',
    `training of peer ${peer} diverged in round ${round}: params became NaN or infinite; lower train.learningRate or set train.clipNorm`,
    { peer, round },
  );
}
