/**
 * Base-(k+1) graphs (Takezawa, Sato, Bao, Niwa, Yamada, NeurIPS 2023): schedules of degree at most k after whose last
 * phase everyone has the exact average, for any number of nodes.
 *
 * - Hyper-hypercube: where n is a product of factors up to k + 1, a phase for each factor averages groups of that size.
 * - Simple Base-(k+1): n = Σ a_l (k+1)^p_l, p falling, a_l ≤ k, splits the nodes into V_1, V_2, … Each V_l averages by a
 *   hyper-hypercube; then, for l = 1, 2, …, each node of U = V_{l+1} ∪ … joins one node of each of the a_l parts V_{l,a}
 *   with weight |V_{l,a}| / |V_l ∪ U|, which leaves in every part and in U the global mean on average; the parts then average
 *   inside.
 * - Base-(k+1): where n = p·q with p a product of factors up to k + 1, the schedule for q in each of p groups, then
 *   hyper-hypercubes across them, where that is shorter.
 */
import { assert } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import type { WeightEntry } from './overlay.ts';

/** An undirected exchange: each gives the other's value the weight; the rest stays on its own. */
type Exchange = readonly [one: number, other: number, weight: number];
type Phase = readonly Exchange[];

/**
 * The weights of each phase, [receiver, sender, weight], the diagonal included; doubly stochastic, symmetric, at most
 * `degreeMax` others for each node. One phase of nothing for a single node. Throws InputError `topology-invalid`.
 */
export function baseGraph(nodeCount: number, degreeMax: number): WeightEntry[][] {
  if (!Number.isInteger(degreeMax) || degreeMax < 1) {
    throw new InputError(
      'topology-invalid',
      `a Base-(k+1) graph of degree ${degreeMax}; wanted a whole number ≥ 1`,
    );
  }
  const nodes = Array.from({ length: nodeCount }, (_, node) => node);
  const phases = basePhases(nodes, degreeMax + 1);
  return (phases.length === 0 ? [[]] : phases).map((phase) => entriesOf(phase, nodeCount));
}

function basePhases(nodes: readonly number[], base: number): Phase[] {
  const simple = simplePhases(nodes, base);
  const { smooth, rest } = smoothPart(nodes.length, base);
  if (smooth === 1 || rest === 1) return simple;
  const groups = split(nodes, smooth);
  const within = together(groups.map((group) => simplePhases(group, base)));
  const across = together(
    Array.from({ length: rest }, (_, place) =>
      hypercubePhases(
        groups.map((group) => group[place]!),
        base,
      ),
    ),
  );
  return within.length + across.length < simple.length ? [...within, ...across] : simple;
}

function simplePhases(nodes: readonly number[], base: number): Phase[] {
  if (nodes.length <= 1) return [];
  if (smoothPart(nodes.length, base).rest === 1) return hypercubePhases(nodes, base);
  const blocks = blocksOf(nodes, base);
  const phases = together(blocks.map(({ parts }) => hypercubePhases(parts.flat(), base)));
  const joinAt = phases.length;
  blocks.forEach(({ parts }, level) => {
    const later = blocks.slice(level + 1).flatMap((block) => block.parts.flat());
    if (later.length > 0) place(phases, joinAt + level, joining(parts, later));
    // The last block is exact already: its values are equal, and their mean is the global one.
    if (later.length === 0) return;
    for (const part of parts) {
      hypercubePhases(part, base).forEach((phase, round) => {
        place(phases, joinAt + level + 1 + round, phase);
      });
    }
  });
  return phases;
}

/** V_1, V_2, … with their parts of (k+1)^p nodes each. */
function blocksOf(nodes: readonly number[], base: number): { parts: number[][] }[] {
  const blocks: { parts: number[][] }[] = [];
  let taken = 0;
  let size = base ** Math.floor(Math.log(nodes.length) / Math.log(base) + 1e-9);
  for (; size >= 1; size = Math.round(size / base)) {
    const count = Math.floor((nodes.length - taken) / size);
    if (count > 0) {
      const parts = Array.from({ length: count }, (_, part) =>
        nodes.slice(taken + part * size, taken + (part + 1) * size),
      );
      blocks.push({ parts });
      taken += count * size;
    }
    if (size === 1) break;
  }
  assert(taken === nodes.length, `${nodes.length} nodes in base ${base}: ${taken} placed`);
  return blocks;
}

function joining(parts: readonly number[][], later: readonly number[]): Exchange[] {
  const partSize = parts[0]!.length;
  const weight = partSize / (parts.length * partSize + later.length);
  return parts.flatMap((part) =>
    later.map((node, index): Exchange => {
      assert(index < partSize, 'more later nodes than a part has');
      return [part[index]!, node, weight];
    }),
  );
}

/** A phase for each factor: groups of nodes whose mixed-radix numbers differ in that digit only. */
function hypercubePhases(nodes: readonly number[], base: number): Phase[] {
  let stride = 1;
  return factorsOf(nodes.length, base).map((factor) => {
    const phase: Exchange[] = [];
    for (let index = 0; index < nodes.length; index++) {
      const digit = Math.floor(index / stride) % factor;
      for (let other = digit + 1; other < factor; other++) {
        phase.push([nodes[index]!, nodes[index + (other - digit) * stride]!, 1 / factor]);
      }
    }
    stride *= factor;
    return phase;
  });
}

/** As few factors up to `base` as greedy merging of the prime factors finds; their product is `count`. */
function factorsOf(count: number, base: number): number[] {
  let fewest: number[] | undefined;
  const search = (rest: number, largest: number, chosen: readonly number[]) => {
    if (fewest !== undefined && chosen.length >= fewest.length) return;
    if (rest === 1) {
      fewest = [...chosen];
      return;
    }
    for (let factor = Math.min(largest, rest); factor >= 2; factor--) {
      if (rest % factor === 0) search(rest / factor, factor, [...chosen, factor]);
    }
  };
  search(count, base, []);
  assert(fewest !== undefined, `${count} has a prime factor above ${base}`);
  return fewest;
}

/** count = smooth · rest, all prime factors of `smooth` at most `base`, none of `rest`. */
function smoothPart(count: number, base: number): { smooth: number; rest: number } {
  let rest = count;
  for (let factor = 2; factor <= base; factor++) while (rest % factor === 0) rest /= factor;
  return { smooth: count / rest, rest };
}

function split(nodes: readonly number[], groups: number): number[][] {
  const size = nodes.length / groups;
  return Array.from({ length: groups }, (_, group) => nodes.slice(group * size, (group + 1) * size));
}

/** Schedules of separate nodes, side by side. */
function together(schedules: readonly Phase[][]): Phase[] {
  const phases: Phase[] = [];
  for (const schedule of schedules) {
    schedule.forEach((phase, round) => {
      place(phases, round, phase);
    });
  }
  return phases;
}

function place(phases: Phase[], round: number, exchanges: Phase): void {
  while (phases.length <= round) phases.push([]);
  phases[round] = [...phases[round]!, ...exchanges];
}

function entriesOf(phase: Phase, nodeCount: number): WeightEntry[] {
  const own = new Float64Array(nodeCount).fill(1);
  const entries: WeightEntry[] = [];
  for (const [one, other, weight] of phase) {
    entries.push([one, other, weight], [other, one, weight]);
    own[one] = own[one]! - weight;
    own[other] = own[other]! - weight;
  }
  own.forEach((weight, node) => {
    entries.push([node, node, Math.max(0, weight)]);
  });
  return entries;
}
