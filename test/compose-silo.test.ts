import { describe, expect, it } from 'vitest';
import { neighboursToDial, siloJob } from '../src/compose-silo.ts';
import { parseExperiment, parseSilo } from '../src/experiment/index.ts';
import { type Membership, newIdentity } from '../src/identity/index.ts';
import { buildOverlay } from '../src/topology/index.ts';
import { measurementsOf } from '../src/train/measure.ts';
import type { Trainer } from '../src/train/trainer.ts';

const overlay = buildOverlay({ kind: 'complete' }, 3, 1);
const listen = ['/ip4/0.0.0.0/tcp/4101'];

/** Members 0, 1, 2; those named have an address. */
function membership(...listed: number[]): Membership {
  const members = [0, 1, 2].map((peer) => ({
    name: `silo-${peer}`,
    peerId: newIdentity().peerId,
    ...(listed.includes(peer) ? { addresses: ['/ip4/10.0.0.1/tcp/4101'] } : {}),
  }));
  return { format: 'grapevine-membership/1', experiment: 'e', sequence: 1, members };
}

describe('who dials', () => {
  it('is one end of each link, whatever the peer ids', () => {
    const { members } = membership(0, 1, 2);
    const dials = [0, 1, 2].map((self) =>
      neighboursToDial({ overlay }, { ...membership(), members }, self, listen),
    );
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      expect(Number(dials[a]?.includes(b)) + Number(dials[b]?.includes(a))).toBe(1);
    }
  });

  it('is the silo without an address, always', () => {
    const members = membership(0, 1);
    expect(neighboursToDial({ overlay }, members, 2, [])).toEqual([0, 1]);
    for (const self of [0, 1]) expect(neighboursToDial({ overlay }, members, self, listen)).not.toContain(2);
  });

  it('is nobody between two without an address: such a link is refused', () => {
    expect(() => neighboursToDial({ overlay }, membership(0), 1, [])).toThrow(
      expect.objectContaining({ code: 'silos-unreachable' }),
    );
  });

  it('is nobody towards a silo whose listed address it does not listen on', () => {
    expect(() => neighboursToDial({ overlay }, membership(0, 1, 2), 0, [])).toThrow(
      expect.objectContaining({ code: 'listen-missing' }),
    );
  });
});

describe('what a silo file does not share', () => {
  const members = membership(0, 1, 2);
  const { peerId } = newIdentity();
  const file = (share: string) => `
name: silo-0
experiment: e.yaml
key: silo-0.key
members: members.yaml
operator: ${peerId}
data: {dataset: {kind: csv, path: own.csv, label: y, classes: [a, b], features: [{column: x, min: 0, max: 1}]}}
runFolder: runs
${share}`;
  const experiment = parseExperiment(
    `
name: e
data: {dataset: penguins, silos: 3}
model: softmax
train: {learningRate: 0.1, localSteps: 1}
topology: ring
aggregate: {metrics: [samples, ownTest]}
stop: {rounds: 1}`,
    { file: 'e.yaml', overrides: [] },
  );
  const jobOf = (share: string) =>
    siloJob({
      silo: parseSilo(file(share), { file: 'silo.yaml' }),
      experiment,
      membership: members,
      self: 0,
      data: {
        trainer: { dataset: experiment.data.dataset, train: { split: 'train', indices: [0, 1] } } as never,
        featureShape: [3],
        classNames: ['a', 'b'],
        description: { samples: 40, labelHistogram: [30, 10], classesPresent: [0, 1] },
        testSamples: 10,
        sharedTestSamples: 0,
        notes: [],
      },
      versions: {},
      gatherMs: 1000,
      aloneMs: undefined,
    });

  it.each([
    ['', ['samples', 'ownTest'], { accuracy: false }],
    ['share: {sizes: true}', ['ownTest'], { accuracy: false, samples: 40 }],
    ['share: {accuracy: true}', ['samples'], { accuracy: true }],
    ['share: {labelHistogram: true}', ['samples', 'ownTest'], { accuracy: false, labelCounts: [30, 10] }],
    ['share: {sizes: true, accuracy: true}', [], { accuracy: true, samples: 40 }],
  ])('%j is kept out of aggregates and of what it tells others', (share, withheld, shared) => {
    const job = jobOf(share);
    expect(job.withheld).toEqual(withheld);
    expect(job.shared).toEqual(shared);
  });

  it('comes to null in what the silo measures for the others, metric by metric', async () => {
    const trainer = {
      sampleCount: 40,
      evaluate: async () => ({ accuracy: 0.75, loss: 1, sampleCount: 10 }),
    } as unknown as Trainer;
    const measured = (share: string) =>
      measurementsOf(trainer, new Float32Array(3), experiment.aggregate!.metrics, jobOf(share).withheld);
    expect(await measured('')).toEqual([null, null]);
    expect(await measured('share: {sizes: true}')).toEqual([40, null]);
    expect(await measured('share: {sizes: true, accuracy: true}')).toEqual([40, 0.75]);
  });
});
