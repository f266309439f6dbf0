/**
 * Rounds per mean compute time of 100 silos that wait for their neighbours, through the peers: a shorter `npm run bench:throughput`.
 * Known: ring .425 (exponential times) and .613 (uniform), measured over 20,000 rounds; clique 1 / (1 + 1/2 + … + 1/100) = .193
 * and 101 / 200 = .505, exactly. The field's study is Neglia, Calbi, Towsley, Vardoyan 2019.
 */
import { expect, test } from 'vitest';
import { type ComputeModel, computeTimes } from '../../src/simulate/index.ts';
import { buildOverlay, type TopologySpec } from '../../src/topology/index.ts';
import { virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateWatched } from './watched.ts';

const SILOS = 100;
const TOLERANCE = 0.03;
/** All start together: on a ring the front roughens for silos^1.5 rounds, and the first ones are faster. On a clique all are alike. */
const ROUGHENING = 1000;

const exponential: ComputeModel = { kind: 'exponential', meanMs: 1, shiftMs: 0 };
const uniform: ComputeModel = { kind: 'uniform', fromMs: 0, toMs: 2 };

// As many rounds as bring the 95 % interval inside of the tolerance. It comes from the times of spans of rounds in a row, which are
// independent on the clique (where a round takes 5.19 ± 1.28 of exponential times, 1.98 ± .02 of uniform ones) and nearly so on the
// ring, for spans of 30; t is the 97.5 % quantile of Student's t with spans − 1 degrees of freedom.
const ring = { topology: { kind: 'ring' }, rounds: 600, leftOut: ROUGHENING, spans: 20, t: 2.093 } as const;
const clique = { topology: { kind: 'complete' }, leftOut: 0 } as const;
const cases: readonly Case[] = [
  { ...ring, times: 'exponential', model: exponential, known: 0.425 },
  { ...ring, times: 'uniform', model: uniform, known: 0.613 },
  { ...clique, times: 'exponential', model: exponential, known: 0.193, rounds: 300, spans: 300, t: 1.968 },
  { ...clique, times: 'uniform', model: uniform, known: 0.505, rounds: 20, spans: 20, t: 2.093 },
];

test.each(cases)('$topology.kind of 100 silos, $times times: $known rounds per mean time', async (one) => {
  const { known } = one;
  const { pace, halfWidth } = await paceOf(one);
  expect(halfWidth / known).toBeLessThan(TOLERANCE);
  expect(Math.abs(pace / known - 1)).toBeLessThan(TOLERANCE);
});

interface Case {
  readonly topology: TopologySpec;
  readonly times: string;
  readonly model: ComputeModel;
  readonly known: number;
  readonly rounds: number;
  /** Rounds at the beginning that do not count. */
  readonly leftOut: number;
  readonly spans: number;
  readonly t: number;
}

/** Rounds per millisecond, which is the mean time of a round's updates, and half the width of its 95 % interval. */
async function paceOf({ topology, model, rounds, leftOut, spans, t }: Case) {
  const patient = { factor: 1.5, floorMs: 1e6, ceilingMs: 1e7, downGraceMs: 1000 };
  const overlay = buildOverlay(topology, SILOS);
  const plan = virtualPlan({ overlay, rounds: leftOut + rounds, deadline: patient });
  const marks = Array.from({ length: spans + 1 }, (_, mark) => leftOut + (mark * rounds) / spans);
  const endedMs = new Map(marks.map((mark) => [mark, 0]));
  let excluded = 0;
  await simulateWatched(virtualPeers(plan), {
    computeMs: computeTimes({ model }, 1),
    observer: {
      onRecord(_peer, note) {
        excluded += note.excluded.length;
        const done = note.round + 1;
        if (endedMs.has(done)) endedMs.set(done, endedMs.get(done)! + note.endedMs / SILOS);
      },
    },
  });
  expect(excluded).toBe(0);
  const spansMs = marks.slice(1).map((mark, span) => endedMs.get(mark)! - endedMs.get(marks[span]!)!);
  const meanMs = spansMs.reduce((sum, ms) => sum + ms, 0) / spans;
  const variance = spansMs.reduce((sum, ms) => sum + (ms - meanMs) ** 2, 0) / (spans - 1);
  const pace = rounds / spans / meanMs;
  return { pace, halfWidth: (pace * t * Math.sqrt(variance / spans)) / meanMs };
}
