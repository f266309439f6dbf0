/** Known answers computed independently (test/fixtures/consensus.json): mixing matrices, gaps, gossip errors. */
import { readFileSync } from 'node:fs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  type Arc,
  mix,
  mixingMatrix,
  mixingMatrixOfRound,
  onePeerExponential,
  overlayOf,
  siloNames,
  spectralGap,
} from '../../src/topology/index.ts';
import { dense } from './dense.ts';

interface Case {
  readonly id: string;
  readonly inputs: Record<string, never> & { n: number; edges: Arc[]; x0: number[]; k: number[] };
  readonly expected: Record<string, number[]> & { W?: number[][]; gap_slem: number };
  readonly tolerance: { readonly abs: number };
}

const fixture = new URL('../fixtures/consensus.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: Case[] };
const byId = (id: string) => cases.find((one) => one.id === id)!;
const overlayOfCase = ({ inputs }: Case) =>
  overlayOf({ name: 'case', directed: false, nodes: siloNames(inputs.n), arcs: inputs.edges });

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! - value)).toBeLessThanOrEqual(tolerance);
  });
}

describe('Metropolis–Hastings known answers', () => {
  test.each(['mh-ring8', 'mh-path5', 'mh-er12'])('%s: first row, diagonal, eigenvalues and gap', (id) => {
    const known = byId(id);
    const matrix = mixingMatrix(overlayOfCase(known), 'metropolis');
    const rows = dense(matrix);
    expectClose(rows[0]!, known.expected.row0!, known.tolerance.abs);
    const diagonal = rows.map((row, index) => row[index]!);
    expectClose(diagonal, known.expected.diag!, known.tolerance.abs);
    known.expected.W?.forEach((row, index) => {
      expectClose(rows[index]!, row, known.tolerance.abs);
    });
    const { gap_slem, slem, lambda2, lambda_min, gap_lambda2 } = known.expected as unknown as Record<
      string,
      number
    >;
    expectClose([spectralGap(matrix), 1 - spectralGap(matrix)], [gap_slem!, slem!], known.tolerance.abs);
    // W is symmetric: its second largest and its least eigenvalue.
    const { realEigenvalues } = new EigenvalueDecomposition(new Matrix(rows), { assumeSymmetric: true });
    const [least, ...others] = realEigenvalues.toSorted((a, b) => a - b);
    const second = others.at(-2)!;
    expectClose([least!, second, 1 - second], [lambda_min!, lambda2!, gap_lambda2!], known.tolerance.abs);
  });
});

test('gossip on a ring of 8: the distance to the mean falls as known', () => {
  const known = byId('gossip-ring8-error');
  const matrix = mixingMatrix(overlayOfCase(known), 'metropolis');
  const mean = known.inputs.x0.reduce((sum, value) => sum + value, 0) / known.inputs.x0.length;
  let values: Float64Array = Float64Array.from(known.inputs.x0);
  const errors: number[] = [];
  for (let round = 0; round <= known.inputs.k.at(-1)!; round++) {
    if (known.inputs.k.includes(round)) errors.push(Math.hypot(...values.map((value) => value - mean)));
    if (round === 5) expectClose(values, known.expected.x_k5!, known.tolerance.abs);
    values = mix(matrix, values);
  }
  expectClose(errors, known.expected.error!, known.tolerance.abs);
});

test('one-peer exponential averages exactly after log2 n rounds for 8 silos, and not for 6', () => {
  const { inputs, expected, tolerance } = byId('onepeer-exp-8-and-6');
  const after = (count: number, start: readonly number[], rounds: number) => {
    const overlay = onePeerExponential(count);
    let values: Float64Array = Float64Array.from(start);
    for (let round = 0; round < rounds; round++) {
      values = mix(mixingMatrixOfRound(overlay, round, 'uniform'), values);
    }
    return values;
  };
  expectClose(after(8, inputs.x0_8!, 3), expected.x_after_3_n8!, tolerance.abs);
  expectClose(after(6, inputs.x0_6!, 3), expected.x_after_3_n6!, tolerance.abs);
  expectClose(after(6, inputs.x0_6!, 6), expected.x_after_6_n6!, tolerance.abs);
});
