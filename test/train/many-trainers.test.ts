import { describe, expect, it } from 'vitest';
import type { SamplePool } from '../../src/data/pool.ts';
import { batchedOn, batchedTrainers, exactTrainers } from '../../src/train/many-trainers.ts';
import { modelOf } from '../../src/train/models.ts';
import { type BatchArithmetic, batchArithmetic } from '../../src/train/peer-kernel.ts';
import type { BackendName, SampleSelection, TrainerSpec } from '../../src/train/spec.ts';
import { type EngineTrainer, trainerOn } from '../../src/train/tfjs-trainer.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { engine, whyWithout } from './engines.ts';
import { blobs, specOf } from './samples.ts';
import { trainerConformance } from './trainer.conformance.ts';

const samples = blobs(90, 6, 3, 1);

function select(from: number, to: number): SampleSelection {
  return { split: 'train', indices: Array.from({ length: to - from }, (_, index) => from + index) };
}

const pool: SamplePool = {
  samples,
  rowsOf: ({ indices }) => Int32Array.from(indices as readonly number[]),
};

/** Silos of 45, 3, 20, 8 and 17 samples that overlap, with and without own test samples. */
const silos = [
  { train: select(0, 45), own: select(45, 65), global: select(60, 90) },
  { train: select(10, 13), global: select(60, 90) },
  { train: select(20, 40), own: select(0, 9), global: select(60, 90) },
  { train: select(50, 58), own: select(58, 59), global: select(60, 90) },
  { train: select(0, 17), own: select(17, 57), global: select(60, 90) },
];

function specsOf(changes: Partial<TrainerSpec>): TrainerSpec[] {
  return silos.map((data, peerIndex) =>
    specOf({ ...changes, peerIndex, data: { dataset: { kind: 'digits' }, ...data } }),
  );
}

async function batchedBy(
  arithmetic: BatchArithmetic,
  specs: readonly TrainerSpec[],
): Promise<readonly EngineTrainer[]> {
  const loaded = await engine(specs[0]?.backend as BackendName);
  return batchedOn(loaded, await modelOf(loaded, specs[0] as TrainerSpec), pool, specs, arithmetic);
}

async function oneByOne(specs: readonly TrainerSpec[]): Promise<readonly Trainer[]> {
  return Promise.all(
    specs.map(async (spec) => {
      const loaded = await engine(spec.backend as BackendName);
      const chosen = (selection: SampleSelection | undefined) => {
        const rows = selection === undefined ? [] : (selection.indices as readonly number[]);
        return {
          features: Float32Array.from(
            rows.flatMap((row) => [...samples.features.slice(row * 6, row * 6 + 6)]),
          ),
          labels: Int32Array.from(rows, (row) => samples.labels[row] as number),
          count: rows.length,
        };
      };
      const { train, own, global } = spec.data;
      const given = { train: chosen(train), own: chosen(own), global: chosen(global) };
      return trainerOn(loaded, await modelOf(loaded, spec), given, spec);
    }),
  );
}

function largestDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  return Array.from(one).reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (other[index] as number))),
    0,
  );
}

const { train } = specOf();
const demanding: TrainerSpec['train'] = {
  ...train,
  ...{ learningRate: 0.3, clipNorm: 0.4, weightDecay: 0.01, gradientScale: 1.7 },
  schedule: { kind: 'cosine', steps: 12, warmupSteps: 2 },
};
const cases: readonly (readonly [string, Partial<TrainerSpec>])[] = [
  ['softmax', { model: { kind: 'softmax' } }],
  ['mlp with two hidden layers', { model: { kind: 'mlp', hidden: [7, 4] } }],
  ['mlp with clipping, decay, schedule and objective scale', { train: demanding }],
];

/** On each engine's own operations; beside TensorFlow the native updates too. */
const arithmetics: readonly (readonly [BackendName, BatchArithmetic])[] = [
  ['tensorflow', batchArithmetic('tensorflow')],
  ...(['tensorflow', 'wasm', 'cpu'] as const).map(
    (backend) => [backend, { note: 'its operations' }] as const,
  ),
];

for (const [backend, arithmetic] of arithmetics) {
  const name = `${backend}, ${arithmetic.note}`;
  const reason = await whyWithout(backend);
  if (reason !== undefined) {
    describe.skip(`batched on ${name}: ${reason}`, () => {
      it('runs', () => undefined);
    });
    continue;
  }
  const batched = (specs: readonly TrainerSpec[]) => batchedBy(arithmetic, specs);
  trainerConformance({
    name: `a batched peer, mlp, ${name}`,
    make: async () => (await batched(specsOf({ backend })))[0] as Trainer,
    stateful: false,
  });

  describe(`batched on ${name}`, () => {
    for (const [what, changes] of cases) {
      it(`gives each peer what it gets one by one, to 1e-5: ${what}`, async () => {
        const specs = specsOf({ backend, ...changes });
        const [together, apart] = await Promise.all([batched(specs), oneByOne(specs)]);
        let vectors = await Promise.all(together.map((one) => one.initialParams()));
        expect(vectors).toEqual(await Promise.all(apart.map((one) => one.initialParams())));
        for (const firstStep of [0, 7, 14]) {
          const started = vectors;
          const ask = (trainers: readonly Trainer[]) =>
            Promise.all(
              trainers.map((one, peer) =>
                one.train(started[peer] as Float32Array, peer === 2 ? 5 : 7, { firstStep: firstStep + peer }),
              ),
            );
          const [results, expected] = await Promise.all([ask(together), ask(apart)]);
          for (const [peer, result] of results.entries()) {
            const wanted = expected[peer] as typeof result;
            expect(largestDifference(result.params, wanted.params)).toBeLessThan(1e-5);
            expect(result.loss).toBeCloseTo(wanted.loss, 5);
            expect(result.gradientSquaredNorm).toBeCloseTo(wanted.gradientSquaredNorm, 5);
            expect(result.sampleCount).toBe(wanted.sampleCount);
          }
          vectors = results.map(({ params }) => params as Float32Array);
        }
        for (const set of ['own', 'global', 'train'] as const) {
          const ask = (trainers: readonly Trainer[]) =>
            Promise.all(trainers.map((one, peer) => one.evaluate(vectors[peer] as Float32Array, set)));
          const [scores, expected] = await Promise.all([ask(together), ask(apart)]);
          for (const [peer, score] of scores.entries()) {
            expect(score.accuracy).toBe(expected[peer]?.accuracy);
            expect(score.sampleCount).toBe(expected[peer]?.sampleCount);
            if (score.loss !== undefined) expect(score.loss).toBeCloseTo(expected[peer]?.loss as number, 5);
          }
        }
      });
    }

    it('gives a peer the same bits whoever shares its batch', async () => {
      const specs = specsOf({ backend });
      const trainers = await batched(specs);
      const initial = await (trainers[0] as Trainer).initialParams();
      const together = await Promise.all(trainers.map((one) => one.train(initial, 9, { firstStep: 1 })));
      const scores = await Promise.all(trainers.map((one) => one.evaluate(initial, 'own')));
      for (const [peer, one] of trainers.entries()) {
        expect(await one.train(initial, 9, { firstStep: 1 })).toEqual(together[peer]);
        expect(await one.evaluate(initial, 'own')).toEqual(scores[peer]);
      }
    });

    it('keeps the number of arrays constant over rounds, and gives all back', async () => {
      const loaded = await engine(backend);
      const before = loaded.device.arrayCount();
      const trainers = await batched(specsOf({ backend }));
      let vectors = await Promise.all(trainers.map((one) => one.initialParams()));
      const counts = new Set<number>();
      for (let round = 0; round < 50; round++) {
        const results = await Promise.all(
          trainers.map((one, peer) => one.train(vectors[peer] as Float32Array, 2, { firstStep: 2 * round })),
        );
        vectors = results.map(({ params }) => params as Float32Array);
        await Promise.all(trainers.map((one, peer) => one.evaluate(vectors[peer] as Float32Array, 'global')));
        // The first rounds meet every size of batch, for which the engine keeps constants.
        if (round >= 10) counts.add(loaded.device.arrayCount());
      }
      expect(counts.size).toBe(1);
      await Promise.all(trainers.map((one) => one.dispose()));
      expect([...counts][0]).toBeGreaterThan(loaded.device.arrayCount());
      expect(loaded.device.arrayCount() - before).toBeLessThan(12);
    });
  });
}

const withoutTensorflow = await whyWithout('tensorflow');

describe('trainers of many peers', () => {
  const digits = (changes: Partial<TrainerSpec> = {}): TrainerSpec[] =>
    [0, 1, 2].map((peerIndex) =>
      specOf({
        ...{ featureShape: [8, 8, 1], classCount: 10, model: { kind: 'softmax' }, backend: 'cpu', peerIndex },
        data: {
          dataset: { kind: 'digits' },
          train: select(peerIndex * 10, peerIndex * 10 + 24),
          global: select(100, 140),
        },
        ...changes,
      }),
    );

  it('reads the data and learns in batches as one by one', async () => {
    const [together, apart] = await Promise.all([batchedTrainers(digits()), exactTrainers(digits())]);
    expect(together.map(({ backendNote }) => backendNote)[0]).toContain('in one batch');
    for (const [peer, one] of together.entries()) {
      const other = apart[peer] as EngineTrainer;
      const initial = await one.initialParams();
      const [result, expected] = await Promise.all([
        one.train(initial, 4, { firstStep: 0 }),
        other.train(initial, 4, { firstStep: 0 }),
      ]);
      expect(largestDifference(result.params, expected.params)).toBeLessThan(1e-5);
      const [score, wanted] = await Promise.all([
        one.evaluate(result.params, 'global'),
        other.evaluate(expected.params, 'global'),
      ]);
      expect(score.accuracy).toBe(wanted.accuracy);
    }
  });

  const real: readonly (readonly [string, number, number, Partial<TrainerSpec>])[] = [
    ['digits, softmax', 64, 10, { model: { kind: 'softmax' } }],
    ['digits, mlp', 64, 10, { model: { kind: 'mlp', hidden: [32, 16] } }],
    ['penguins, softmax', 4, 3, { model: { kind: 'softmax' } }],
    ['penguins, mlp', 4, 3, { model: { kind: 'mlp', hidden: [7, 5] } }],
  ];
  for (const [name, width, classCount, changes] of real) {
    it.skipIf(withoutTensorflow !== undefined)(
      `learn as one by one over 60 updates, to 1e-5: ${name}`,
      async () => {
        const kind = name.startsWith('digits') ? 'digits' : 'penguins';
        const specs = [0, 1, 2].map((peerIndex) =>
          specOf({
            ...{ featureShape: [width], classCount, backend: 'tensorflow', peerIndex, ...changes },
            ...{ train: { ...train, batchSize: 32 } },
            data: { dataset: { kind }, train: select(peerIndex * 30, peerIndex * 30 + 64) },
          }),
        );
        const [together, apart] = await Promise.all([batchedTrainers(specs), exactTrainers(specs)]);
        const initial = await (together[0] as Trainer).initialParams();
        const ask = (trainers: readonly Trainer[]) =>
          Promise.all(trainers.map((one) => one.train(initial, 60, { firstStep: 0 })));
        const [results, expected] = await Promise.all([ask(together), ask(apart)]);
        for (const [peer, result] of results.entries()) {
          expect(largestDifference(result.params, expected[peer]?.params ?? [])).toBeLessThan(1e-5);
          expect(result.loss).toBeCloseTo(expected[peer]?.loss as number, 5);
        }
      },
    );
  }

  it('trains peers with momentum one by one, and says so', async () => {
    const momentum = { ...train, optimizer: { kind: 'momentum', momentum: 0.9 } } as const;
    const [one] = await batchedTrainers(digits({ train: momentum }));
    expect(one?.backendNote).toContain('one by one');
    expect((await one?.snapshot())?.length).toBe(0);
  });

  it('keeps apart what differs in shape, in the order of the specs', async () => {
    const [small, other] = [digits(), digits({ model: { kind: 'mlp', hidden: [3] } })];
    const mixed = [small[0], other[0], small[1]] as TrainerSpec[];
    const sizes = (await batchedTrainers(mixed)).map(({ layout }) => layout.size);
    expect(sizes).toEqual([650, 65 * 3 + 40, 650]);
  });

  it('refuses a silo without samples, with code silo-empty', async () => {
    const empty = digits({ data: { dataset: { kind: 'digits' }, train: select(3, 3) } });
    await expect(batchedTrainers(empty)).rejects.toMatchObject({ code: 'silo-empty' });
    await expect(exactTrainers(empty)).rejects.toMatchObject({ code: 'silo-empty' });
  });
});
