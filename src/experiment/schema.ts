/**
 * The shape of an experiment file: every key, its range and its default. What needs more than one block to judge
 * (silos against graph, weights against graph, carrier against model) is in checks.ts.
 */
import { z } from 'zod';
import { datasetSchema, partitionSchema } from '../data/spec.ts';
import { encodings } from '../exchange/encoding.ts';
import { metricNames } from '../exchange/metrics.ts';
import { faultsSchema } from '../faults/schema.ts';
import { namedWeights } from '../topology/mixing.ts';
import { nodesMax } from '../topology/overlay.ts';
import { linksSchema, simulateSchema } from './world.ts';

const count = z.int().min(1);
const positive = z.number().gt(0);
const share = z.number().min(0).lt(1);
const path = z.string().min(1);

/** A bare name is short for an object with that kind. */
const kindOrName = (value: unknown) => (typeof value === 'string' ? { kind: value } : value);

const modelSchema = z.preprocess(
  kindOrName,
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('softmax') }),
    z.strictObject({
      kind: z.literal('mlp'),
      hidden: z.array(count.max(65_536)).min(1).max(32).default([64]),
    }),
    z.strictObject({ kind: z.literal('cnn') }),
    z.strictObject({ kind: z.literal('layers'), path }),
    /** For data set toy: ½ curvature ‖x − b‖² with the silo's point b. */
    z.strictObject({
      kind: z.literal('quadratic'),
      start: z.enum(['zero', 'optimum']).default('zero'),
      curvature: positive.default(1),
    }),
  ]),
);

const warmupSteps = count.optional();
/** How the learning rate falls with the number of updates; formulas in src/train/schedule.ts. */
const scheduleSchema = z.preprocess(
  kindOrName,
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('constant'), warmupSteps }),
    z.strictObject({ kind: z.literal('step'), everySteps: count, factor: positive.max(1), warmupSteps }),
    z.strictObject({ kind: z.literal('cosine'), steps: count, floor: share.default(0), warmupSteps }),
    z.strictObject({ kind: z.literal('inverse-sqrt'), afterSteps: count, warmupSteps }),
  ]),
);

const trainFields = {
  learningRate: positive.max(1_000),
  batchSize: count.max(1_000_000).default(32),
  /** Passes over the silo's own data in a round; or localSteps: updates in a round, 0 to do nothing but mix. */
  localEpochs: count.max(10_000).optional(),
  localSteps: z.int().min(0).max(10_000_000).optional(),
  /** Longer mini-batch gradients are scaled back to this Euclidean norm. */
  clipNorm: positive.optional(),
  weightDecay: z.number().min(0).max(1).optional(),
  schedule: scheduleSchema.optional(),
  /** Whether each silo counts alike, or each sample. */
  objective: z.enum(['uniform', 'samples']).default('uniform'),
  backend: z.enum(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'),
};

const trainSchema = z.discriminatedUnion('optimizer', [
  z.strictObject({ optimizer: z.literal('sgd'), ...trainFields }),
  z.strictObject({
    optimizer: z.literal('momentum'),
    ...trainFields,
    momentum: share.default(0.9),
    nesterov: z.boolean().default(false),
  }),
  z.strictObject({
    optimizer: z.literal('adam'),
    ...trainFields,
    beta1: share.default(0.9),
    beta2: share.default(0.999),
    epsilon: positive.default(1e-7),
  }),
]);

/** A neighbour is waited for clamp(factor · its own running median, floorMs, ceilingMs). */
const deadlineSchema = z.strictObject({
  factor: z.number().min(1).max(1.5).default(1.5),
  floorMs: z.int().min(10).max(3_600_000).default(5_000),
  ceilingMs: z.int().min(10).max(86_400_000).default(60_000),
  /** A broken link that is back within this time costs nothing. */
  downGraceMs: z.int().min(0).max(600_000).default(1_000),
});

const weightEntry = z.tuple([z.int().min(0), z.int().min(0), z.number()]);

/** The keys that every rule shares; all others are the rule's own and checked by its `parse`. */
const exchangeSchema = z.looseObject({
  rule: z.string().min(1).default('dpsgd'),
  weights: z.union([z.enum(namedWeights), z.array(weightEntry)]).optional(),
  carrier: z.enum(['stream', 'gossip']).default('stream'),
  /** How params travel: as they are, in half precision, or as 8-bit integers; the latter two with error feedback. */
  encoding: z.enum(encodings).default('raw'),
  deadline: deadlineSchema.prefault({}),
});

/** What all silos find out together, exactly, when their rounds are over; docs/EXCHANGE.md. */
const aggregateSchema = z
  .strictObject({
    metrics: z.array(z.enum(metricNames)).max(metricNames.length).default([]),
    /** Whether the params saved are the mean of all silos' last ones. */
    params: z.boolean().default(false),
    /** Of the weights that silos have in a mean: their distances from 1/n, summed up. */
    tolerance: z.number().min(1e-12).max(0.01).default(1e-9),
    /** Who shows no sign for so long is left out. */
    patienceMs: z.int().min(1_000).max(86_400_000).default(600_000),
  })
  .refine(({ metrics, params }) => metrics.length > 0 || params, {
    message: 'asks for nothing; wanted metrics, such as [samples], or params: true',
  })
  .refine(({ metrics }) => new Set(metrics).size === metrics.length, {
    path: ['metrics'],
    message: 'names a metric twice',
  });

const baselineSchema = z.preprocess(
  (value) => (value === 'none' ? [] : typeof value === 'string' ? [value] : value),
  z.array(z.enum(['alone', 'pooled'])).max(2),
);

export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'wanted 1 to 64 letters, digits, dots, dashes or underscores');

export const testShareSchema = z.number().min(0).max(0.9);

/** `topology` is checked apart (checks.ts), because it is a graph by kind, a file or an overlay written out. */
export const experimentSchema = z.strictObject({
  name: nameSchema,
  seed: z.int().min(0).default(1),
  data: z.strictObject({
    dataset: datasetSchema,
    silos: count.max(nodesMax).optional(),
    partition: partitionSchema.prefault('iid'),
    testShare: testShareSchema.default(0.2),
  }),
  model: modelSchema,
  train: trainSchema,
  topology: z.unknown().optional(),
  exchange: exchangeSchema.prefault({}),
  aggregate: aggregateSchema.optional(),
  evaluate: z.strictObject({ everyRounds: count.default(1) }).prefault({}),
  checkpoint: z
    .strictObject({ everyRounds: count.default(10), keep: count.min(1).max(100).default(2) })
    .prefault({}),
  baselines: baselineSchema.default([]),
  record: z.enum(['summary', 'rounds', 'all']).default('rounds'),
  /** The world of a simulation; docs/SIMULATION.md. */
  links: linksSchema.prefault({}),
  simulate: simulateSchema.prefault({}),
  /** What goes wrong; docs/FAULTS.md. */
  faults: faultsSchema.optional(),
  stop: z.strictObject({
    rounds: count.max(10_000_000).optional(),
    seconds: positive.optional(),
    targetAccuracy: positive.max(1).optional(),
  }),
});

export type ExperimentFile = z.output<typeof experimentSchema>;
export type ModelSpec = ExperimentFile['model'];
export type TrainSettings = ExperimentFile['train'];
export type LearningRateSchedule = NonNullable<TrainSettings['schedule']>;
export type Baseline = ExperimentFile['baselines'][number];
export type Carrier = ExperimentFile['exchange']['carrier'];
