/** D-PSGD against its definition, and what mixing must never change. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { present } from '../../src/base/assert.ts';
import { Random } from '../../src/base/random.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleAction, RuleContext } from '../../src/exchange/rule.ts';
import {
  buildOverlay,
  type MixingMatrix,
  mixingMatrix,
  overlayOf,
  siloNames,
} from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';
import { dense } from '../topology/dense.ts';
import { oracle } from './oracle.ts';
import { ruleConformance } from './rule.conformance.ts';

const variants = ['parallel', 'mix-then-adapt', 'adapt-then-mix'];
const dpsgd = present(findExchangeRule('dpsgd'), 'dpsgd');

for (const variant of variants) ruleConformance(`dpsgd ${variant}`, dpsgd, { variant });

const irregular = buildOverlay({ kind: 'erdos-renyi', probability: 0.4, seed: 11 }, 7);
const digraph = overlayOf({
  name: 'digraph',
  source: 'test',
  directed: true,
  nodes: siloNames(7),
  arcs: [
    ...siloNames(7).map((_, node) => [node, (node + 1) % 7] as [number, number]),
    [0, 3],
    [5, 2],
    [2, 6],
    [4, 1],
    [6, 5],
  ],
});

describe.each([irregular, digraph])('on the irregular $name', (overlay) => {
  test.each(variants)(
    '%s equals its definition with all peers in one array, to 1e-5 over 20 rounds',
    async (variant) => {
      const size = 4;
      const slope = (peer: number, index: number) => 1 + 0.4 * Math.sin(peer + 5 * index);
      const goal = (peer: number, index: number) => Math.cos(3 * peer - index);
      const start = (peer: number, index: number) => Math.sin(7 * peer + 2 * index);
      const row = <Value>(of: (index: number) => Value) =>
        Array.from({ length: size }, (_, index) => of(index));
      const plan = virtualPlan({ options: { variant }, overlay, rounds: 20 });
      const peers = virtualPeers(plan, (peer) =>
        quadraticTrainer({
          optimum: row((index) => goal(peer, index)),
          curvature: row((index) => slope(peer, index)),
          initial: row((index) => start(peer, index)),
          learningRate: 0.1,
          precision: 'f32',
        }),
      );
      const results = await simulateRecorded(peers, virtualLinks);
      const expected = oracle(
        variant,
        dense(plan.matrices[0]!),
        plan.overlay.nodes.map((_, peer) => Float64Array.from(row((index) => start(peer, index)))),
        20,
        (peer, _round, params) => {
          const twice = [0, 1];
          return twice.reduce(
            (x) => x.map((value, index) => value - 0.1 * slope(peer, index) * (value - goal(peer, index))),
            params,
          );
        },
      );
      for (const [peer, { params, notes }] of results.entries()) {
        expect(notes.flatMap(({ excluded }) => excluded)).toEqual([]);
        for (const [index, value] of params.entries()) {
          expect(Math.abs(value - expected[peer]![index]!)).toBeLessThanOrEqual(1e-5);
        }
      }
    },
  );

  test('mixing keeps the mean of the peers’ params', async () => {
    const values = [3, -1, 4, 1, -5, 9, 2];
    const plan = virtualPlan({ overlay, rounds: 15 });
    const peers = virtualPeers(plan, (peer) =>
      quadraticTrainer({ optimum: [0], learningRate: 0, precision: 'f64', initial: [values[peer]!] }),
    );
    const results = await simulateRecorded(peers, virtualLinks);
    const mean = (numbers: number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    expect(mean(results.map(({ params }) => params[0]!))).toBeCloseTo(mean(values), 9);
  });
});

describe('order', () => {
  const peers = [1, 2, 3, 5];
  const context: RuleContext = {
    self: 4,
    seed: 1,
    outNeighbours: peers,
    inNeighbours: peers,
    aheadMax: new Map(peers.map((peer) => [peer, 1])),
    mixingRow: new Map([4, ...peers].map((peer, index) => [peer, [0.13, 0.27, 0.31, 0.17, 0.12][index]!])),
    options: { variant: 'adapt-then-mix', staleness: 0, backups: 0 },
    deadline: { factor: 1.5, floorMs: 10, ceilingMs: 100, downGraceMs: 10 },
    linkLossMeansSilence: true,
    peerCount: 8,
    rounds: 100,
    trains: true,
  };

  test('of arrival never changes a bit', () => {
    const vectorOf = (peer: number) =>
      Float32Array.from({ length: 9 }, (_, index) => Math.sin(peer * 99 + index));
    const mixedInOrder = (order: readonly number[]) => {
      const state = dpsgd.init(context, 0);
      const scope = { now: 0, random: Random.of(1) };
      const actions: RuleAction[] = [];
      const step = (event: Parameters<typeof dpsgd.step>[1]) =>
        actions.push(...dpsgd.step(state, event, scope));
      for (const peer of peers) step({ kind: 'neighbour', peer, status: 'up', round: 0, incarnation: 1 });
      step({ kind: 'begin', round: 0, params: vectorOf(0) });
      for (const from of order) {
        if (from === 4) step({ kind: 'trained', params: vectorOf(4) });
        else
          step({
            kind: 'received',
            incarnation: 1,
            from,
            message: { kind: 'model', round: 0, vectors: [vectorOf(from)], numbers: [] },
          });
      }
      return actions.find((action) => action.kind === 'complete')?.params;
    };
    const reference = mixedInOrder([1, 2, 3, 4, 5]);
    expect(reference).toBeDefined();
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }), (order) => {
        expect(mixedInOrder(order)).toEqual(reference);
      }),
    );
  });

  test('of the terms is that of the peers, self in its place', () => {
    const even: RuleContext = {
      ...context,
      outNeighbours: [1, 5],
      inNeighbours: [1, 5],
      mixingRow: new Map([1, 4, 5].map((peer) => [peer, 1])),
    };
    const state = dpsgd.init(even, 0);
    const scope = { now: 0, random: Random.of(1) };
    dpsgd.step(state, { kind: 'begin', round: 0, params: Float64Array.of(0) }, scope);
    for (const [from, value] of [
      [5, 1],
      [1, 1e16],
    ] as const) {
      const message = { kind: 'model', round: 0, vectors: [Float64Array.of(value)], numbers: [] };
      dpsgd.step(state, { kind: 'received', incarnation: 1, from, message }, scope);
    }
    const actions = dpsgd.step(state, { kind: 'trained', params: Float64Array.of(-1e16) }, scope);
    // 1e16 − 1e16 + 1; any other order loses the 1.
    expect(actions.find((action) => action.kind === 'complete')?.params).toEqual(Float64Array.of(1));
  });

  test('of the peers only permutes the result', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7 }), async (order) => {
        const moved = overlayOf({
          name: 'moved',
          source: 'test',
          directed: true,
          nodes: siloNames(7),
          arcs: digraph.arcs.map(([from, to]) => [order[from]!, order[to]!] as [number, number]),
        });
        const matrix = mixingMatrix(digraph, 'sinkhorn');
        const movedMatrix = matrix.map((_, peer) => {
          const row = [...matrix[order.indexOf(peer)]!].map(([j, weight]) => [order[j]!, weight] as const);
          return new Map(row.sort(([a], [b]) => a - b));
        });
        const run = async (
          overlay: typeof digraph,
          weights: MixingMatrix,
          initialOf: (peer: number) => number,
        ) => {
          const plan = virtualPlan({ overlay, matrices: [weights], rounds: 5 });
          const toys = virtualPeers(plan, (peer) =>
            quadraticTrainer({
              optimum: [1],
              learningRate: 0.1,
              precision: 'f64',
              initial: [initialOf(peer)],
            }),
          );
          return (await simulateRecorded(toys, virtualLinks)).map(({ params }) => params[0]!);
        };
        const plain = await run(digraph, matrix, (peer) => peer * peer);
        const permuted = await run(moved, movedMatrix, (peer) => order.indexOf(peer) ** 2);
        for (const [peer, value] of plain.entries()) expect(permuted[order[peer]!]).toBeCloseTo(value, 12);
      }),
      { numRuns: 5 },
    );
  });
});

describe('a neighbour left out', () => {
  test('gives its weight to self, so that rows keep their sum', () => {
    const context: RuleContext = {
      self: 0,
      seed: 1,
      outNeighbours: [1, 2],
      inNeighbours: [1, 2],
      aheadMax: new Map([
        [1, 1],
        [2, 1],
      ]),
      mixingRow: new Map([
        [0, 0.5],
        [1, 0.25],
        [2, 0.25],
      ]),
      options: { variant: 'adapt-then-mix', staleness: 0, backups: 0 },
      deadline: { factor: 1.5, floorMs: 10, ceilingMs: 100, downGraceMs: 10 },
      linkLossMeansSilence: true,
      peerCount: 8,
      rounds: 100,
      trains: true,
    };
    const state = dpsgd.init(context, 0);
    const actions: RuleAction[] = [];
    const at = (now: number, event: Parameters<typeof dpsgd.step>[1]) =>
      actions.push(...dpsgd.step(state, event, { now, random: Random.of(1) }));
    at(0, { kind: 'neighbour', peer: 1, status: 'up', round: 0, incarnation: 1 });
    at(0, { kind: 'begin', round: 0, params: Float64Array.of(0) });
    at(1, {
      kind: 'received',
      incarnation: 1,
      from: 1,
      message: { kind: 'model', round: 0, vectors: [Float64Array.of(8)], numbers: [] },
    });
    at(2, { kind: 'trained', params: Float64Array.of(4) });
    expect(actions.at(-1)).toEqual({
      kind: 'complete',
      round: 0,
      params: Float64Array.of(0.75 * 4 + 0.25 * 8),
      excluded: [{ peer: 2, reason: 'absent' }],
    });
  });
});
