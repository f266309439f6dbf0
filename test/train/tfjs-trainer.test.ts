import { describe, expect, it } from 'vitest';
import type { Samples } from '../../src/data/dataset.ts';
import { modelOf } from '../../src/train/models.ts';
import type { BackendName, TrainerSpec } from '../../src/train/spec.ts';
import { type EngineTrainer, trainerOn } from '../../src/train/tfjs-trainer.ts';
import { CONVOLUTIONS, engine, whyWithout } from './engines.ts';
import { blobs, specOf } from './samples.ts';
import { trainerConformance } from './trainer.conformance.ts';

const samples = { train: blobs(45, 6, 3, 1), own: blobs(20, 6, 3, 2) };

async function make(
  changes: Partial<TrainerSpec>,
  given: { train: Samples; own?: Samples } = samples,
): Promise<EngineTrainer> {
  const spec = specOf(changes);
  const loaded = await engine(
    spec.backend as BackendName,
    spec.model.kind === 'cnn' ? CONVOLUTIONS : undefined,
  );
  return trainerOn(loaded, await modelOf(loaded, spec), given, spec);
}

const train = specOf().train;
const missing = Object.fromEntries(
  await Promise.all(
    (['tensorflow', 'wasm', 'cpu'] as const).map(async (backend) => [backend, await whyWithout(backend)]),
  ),
) as Record<BackendName, string | undefined>;

for (const backend of ['tensorflow', 'wasm', 'cpu'] as const) {
  const reason = missing[backend];
  if (reason !== undefined) {
    describe.skip(`${backend}: ${reason}`, () => {
      it('runs', () => undefined);
    });
    continue;
  }
  trainerConformance({ name: `mlp, sgd, ${backend}`, make: () => make({ backend }), stateful: false });
  trainerConformance({
    name: `softmax, adam with clipping, decay and a schedule, ${backend}`,
    make: () =>
      make({
        backend,
        model: { kind: 'softmax' },
        train: {
          optimizer: { kind: 'adam' },
          learningRate: 0.05,
          batchSize: 8,
          clipNorm: 0.5,
          weightDecay: 0.01,
          schedule: { kind: 'cosine', steps: 100, warmupSteps: 2 },
        },
      }),
    stateful: true,
  });
  trainerConformance({
    name: `mlp, momentum, ${backend}`,
    make: () => make({ backend, train: { ...train, optimizer: { kind: 'momentum', momentum: 0.9 } } }),
    stateful: true,
  });
  describe(`on ${backend}`, () => {
    it('keeps the number of arrays constant over 1,000 rounds', async () => {
      const loaded = await engine(backend);
      const spec = specOf({ train: { ...train, optimizer: { kind: 'momentum', momentum: 0.5 } } });
      const trainer = trainerOn(loaded, await modelOf(loaded, spec), samples, spec);
      let params = await trainer.initialParams();
      const counts = new Set<number>();
      for (let round = 0; round < 1006; round++) {
        const result = await trainer.train(params, 1, { firstStep: round });
        params = result.params;
        if (round % 100 === 0) await trainer.evaluate(params, 'own');
        // The first epoch meets both sizes of batch, for which the engine keeps a constant each.
        if (round >= 6) counts.add(loaded.device.arrayCount());
      }
      expect(counts.size).toBe(1);
    });

    it('reports a loss that is no number instead of throwing', async () => {
      const trainer = await make({ backend, train: { ...train, learningRate: 1e30 } });
      const result = await trainer.train(await trainer.initialParams(), 20, { firstStep: 0 });
      expect(Number.isFinite(result.loss)).toBe(false);
      await trainer.dispose();
    });
  });
}

const best: BackendName = missing.tensorflow === undefined ? 'tensorflow' : 'cpu';
const image = { featureShape: [8, 8, 1], classCount: 3, model: { kind: 'cnn' } } as const;
trainerConformance({
  name: `cnn, sgd, ${best}`,
  make: () => make({ ...image, backend: best }, { train: blobs(20, 64, 3, 1) }),
  stateful: false,
});

describe('a silo’s trainer', () => {
  it('learns three blobs', async () => {
    const trainer = await make({ backend: best });
    const { params } = await trainer.train(await trainer.initialParams(), 300, { firstStep: 0 });
    expect((await trainer.evaluate(params, 'own')).accuracy).toBeGreaterThan(0.9);
    expect(await trainer.evaluate(params, 'global')).toEqual({
      accuracy: undefined,
      loss: undefined,
      sampleCount: 0,
    });
  });

  it('starts all peers of a seed at the same params and other seeds elsewhere', async () => {
    const [one, two, other] = await Promise.all([
      make({ peerIndex: 0, backend: best }),
      make({ peerIndex: 1 }),
      make({ seed: 8 }),
    ]);
    expect(await one.initialParams()).toEqual(await two.initialParams());
    expect(await one.initialParams()).not.toEqual(await other.initialParams());
  });

  it('refuses to train without samples, with code silo-empty', async () => {
    const empty = { features: new Float32Array(0), labels: new Int32Array(0), count: 0 };
    await expect(make({}, { train: empty })).rejects.toMatchObject({ code: 'silo-empty' });
  });

  it('agrees between engines to rounding', async () => {
    const results = await Promise.all(
      (['tensorflow', 'wasm', 'cpu'] as const)
        .filter((backend) => missing[backend] === undefined)
        .map(async (backend) => {
          const trainer = await make({ backend });
          return (await trainer.train(await trainer.initialParams(), 20, { firstStep: 0 })).params;
        }),
    );
    for (const params of results) {
      params.forEach((value, index) => {
        expect(value).toBeCloseTo(results[0]?.[index] as number, 5);
      });
    }
  });
});
