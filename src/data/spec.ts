/**
 * How an experiment or a silo file names its data and its partition: zod schemas and the types they give.
 * A bare name is short for an object with that kind: `mnist` is `{kind: mnist}`, `iid` is `{kind: iid}`.
 * Paths are relative to the folder of the file that names them.
 */
import { z } from 'zod';
import type { Problem } from '../base/errors.ts';

const text = z.string().min(1);
const count = z.number().int().positive();

/** Only the first rows of the file order, per split. */
const limit = z.strictObject({ train: count.optional(), test: count.optional() }).optional();
/** Class names in label order; label n is the n-th of them. */
const classes = z.array(text).min(2).refine(distinct, 'has the same entry twice');

/** One input column: as it is, standardised (mean, std), brought to 0…1 (min, max), or one-hot (categories). */
const feature = z
  .strictObject({
    column: text,
    mean: z.number().optional(),
    std: z.number().positive().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    categories: z.array(text).min(2).refine(distinct, 'has the same entry twice').optional(),
  })
  .superRefine((value, context) => {
    for (const message of featureProblems(value)) context.addIssue({ code: 'custom', message });
  });

const tableFields = {
  path: text,
  testPath: text.optional(),
  label: text,
  classes: classes.optional(),
  features: z
    .array(feature)
    .min(1)
    .refine((list) => distinct(list.map(({ column }) => column)), 'names the same column twice'),
  /** The column that says which silo a row belongs to, for a natural partition. */
  key: text.optional(),
  /** What becomes of a row with a missing value. */
  missing: z.enum(['error', 'drop']).default('error'),
  limit,
};

export const datasetSchema = z.preprocess(
  nameToKind,
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('penguins'), limit }),
    z.strictObject({ kind: z.literal('digits'), limit }),
    z.strictObject({ kind: z.literal('mnist'), limit }),
    z.strictObject({
      kind: z.literal('csv'),
      ...tableFields,
      delimiter: z.string().length(1, 'must be one character').default(','),
    }),
    z.strictObject({ kind: z.literal('json'), ...tableFields }),
    z
      .strictObject({
        kind: z.literal('idx'),
        images: text,
        labels: text,
        testImages: text.optional(),
        testLabels: text.optional(),
        classes: classes.optional(),
        /** Every byte is divided by it. */
        divisor: z.number().positive().default(255),
        limit,
      })
      .refine((spec) => (spec.testImages === undefined) === (spec.testLabels === undefined), {
        message: 'testImages and testLabels go together',
        path: ['testLabels'],
      }),
    z
      .strictObject({
        kind: z.literal('toy'),
        dimension: count.max(1_000_000).default(8),
        /** Standard deviation of the points' coordinates. */
        spread: z.number().min(0).default(1),
        /** Standard deviation of the noise on each coordinate of every gradient. */
        noise: z.number().min(0).default(0),
        /** The points themselves, one per silo. */
        optima: z.array(z.array(z.number()).min(1)).min(1).optional(),
        /** Number of points; the number of silos in an experiment. */
        points: count.optional(),
        /** The experiment's where absent. */
        seed: z.number().int().min(0).optional(),
      })
      .refine(({ optima }) => new Set(optima?.map((point) => point.length)).size <= 1, {
        message: 'points have different numbers of coordinates',
        path: ['optima'],
      }),
  ]),
);

export const partitionSchema = z.preprocess(
  nameToKind,
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('iid') }),
    z.strictObject({ kind: z.literal('shards'), shardsPerSilo: count.default(2) }),
    z
      .strictObject({
        kind: z.literal('natural'),
        /** The key's column; without `column` and `file`, the data set's own key. */
        column: text.optional(),
        /** A file with one key per training sample: text lines, a JSON array, `.u16le` or `.u32le`. */
        file: text.optional(),
        /** Keys with fewer samples are left out. */
        minSamples: count.default(1),
        /** Where there are more keys than silos: leave some out, or put several keys into one silo. */
        surplus: z.enum(['leave-out', 'merge']).default('leave-out'),
      })
      .refine((spec) => spec.column === undefined || spec.file === undefined, {
        message: 'give column or file, not both',
        path: ['file'],
      }),
    z.strictObject({
      kind: z.literal('dirichlet'),
      alpha: z.number().positive(),
      /** The draw is repeated until every silo has so many samples. */
      minSamples: count.default(1),
    }),
    z
      .strictObject({
        kind: z.literal('quantity'),
        /** Concentration of the Dirichlet draw of the silos' shares. */
        alpha: z.number().positive().optional(),
        /** Samples of each silo. */
        sizes: z.array(count).min(1).optional(),
      })
      .refine((spec) => (spec.alpha === undefined) !== (spec.sizes === undefined), {
        message: 'give either alpha or sizes',
      }),
    z.strictObject({ kind: z.literal('resample'), samplesPerSilo: count }),
    z.strictObject({
      kind: z.literal('file'),
      path: text,
      /** Whether one sample may belong to several silos. */
      overlap: z.boolean().default(false),
    }),
  ]),
);

export type DatasetSpec = z.output<typeof datasetSchema>;
export type TableSpec = Extract<DatasetSpec, { kind: 'csv' | 'json' }>;
export type IdxSpec = Extract<DatasetSpec, { kind: 'idx' }>;
export type FeatureSpec = TableSpec['features'][number];
export type LimitSpec = NonNullable<Exclude<DatasetSpec, { kind: 'toy' }>['limit']>;
export type PartitionSpec = z.output<typeof partitionSchema>;

/**
 * What a lone silo must declare although a data set that everybody reads need not: its classes. Otherwise two silos
 * would number them by what each has seen, and their models would not mean the same.
 */
export function loneSiloProblems(spec: DatasetSpec): Problem[] {
  const declarable = spec.kind === 'csv' || spec.kind === 'json' || spec.kind === 'idx';
  if (!declarable || spec.classes !== undefined) return [];
  return [
    {
      path: 'classes',
      message: 'a lone silo must declare the classes, in the order all silos agreed on',
      suggestion:
        'add classes: [first, second, …] with every class of the task, also those this silo has not seen',
    },
  ];
}

function nameToKind(value: unknown): unknown {
  return typeof value === 'string' ? { kind: value } : value;
}

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

function featureProblems(value: {
  mean?: number | undefined;
  std?: number | undefined;
  min?: number | undefined;
  max?: number | undefined;
  categories?: string[] | undefined;
}): string[] {
  const problems: string[] = [];
  const standardised = value.mean !== undefined || value.std !== undefined;
  const ranged = value.min !== undefined || value.max !== undefined;
  const ways = [standardised, ranged, value.categories !== undefined].filter(Boolean).length;
  if (ways > 1) problems.push('give one of mean and std, min and max, or categories');
  if (standardised && (value.mean === undefined || value.std === undefined)) {
    problems.push('mean and std go together');
  }
  if (ranged && (value.min === undefined || value.max === undefined))
    problems.push('min and max go together');
  if (value.min !== undefined && value.max !== undefined && value.min >= value.max) {
    problems.push(`min ${value.min} must be below max ${value.max}`);
  }
  return problems;
}
