/**
 * The graphs an experiment can ask for by kind. Each is a small pure function from node count, options and seed to
 * edges or arcs; a new one is one function and one line in `builders`. They throw InputError `topology-invalid`
 * where no such graph exists.
 */
import { z } from 'zod';
import { InputError } from '../base/errors.ts';
import { type Arc, arcsMax, nodesMax, type Overlay, overlayOf, siloNames } from './overlay.ts';
import { erdosRenyi, permutations, randomRegular, ringChords } from './random-graphs.ts';
import {
  binaryTree,
  complete,
  exponential,
  grid,
  hypercube,
  path,
  ring,
  star,
  torus,
} from './regular-graphs.ts';

const probability = z.number().gt(0).max(1);
const size = z.int().min(1).max(nodesMax);
const seed = z.int().min(0);

/** A graph by kind; the options of each kind. A missing seed is the experiment's. */
export const topologySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ring') }),
  z.strictObject({ kind: z.literal('path') }),
  z.strictObject({ kind: z.literal('star'), hub: z.int().min(0).default(0) }),
  z.strictObject({ kind: z.literal('complete') }),
  z.strictObject({ kind: z.literal('grid'), rows: size.optional(), columns: size.optional() }),
  z.strictObject({ kind: z.literal('torus'), rows: size.optional(), columns: size.optional() }),
  z.strictObject({ kind: z.literal('hypercube') }),
  z.strictObject({ kind: z.literal('exponential') }),
  z.strictObject({ kind: z.literal('random-regular'), degree: size, seed: seed.optional() }),
  z.strictObject({ kind: z.literal('erdos-renyi'), probability, seed: seed.optional() }),
  z.strictObject({ kind: z.literal('binary-tree') }),
  z.strictObject({ kind: z.literal('ring-chords'), chords: size.default(1), seed: seed.optional() }),
  z.strictObject({ kind: z.literal('permutations'), count: size.min(2), seed: seed.optional() }),
]);

export type TopologySpec = z.infer<typeof topologySchema>;
export type TopologyKind = TopologySpec['kind'];

type SpecOf<Kind extends TopologyKind> = Extract<TopologySpec, { kind: Kind }>;

interface Builder<Kind extends TopologyKind> {
  readonly directed: boolean;
  /** Undirected edges need be given in one direction only. */
  build(nodeCount: number, spec: SpecOf<Kind>, seed: number): Arc[];
}

const builders: { readonly [Kind in TopologyKind]: Builder<Kind> } = {
  ring: { directed: false, build: ring },
  path: { directed: false, build: path },
  star: { directed: false, build: (count, { hub }) => star(count, hub) },
  complete: { directed: false, build: complete },
  grid: { directed: false, build: (count, { rows, columns }) => grid(count, rows, columns) },
  torus: { directed: false, build: (count, { rows, columns }) => torus(count, rows, columns) },
  hypercube: { directed: false, build: hypercube },
  exponential: { directed: true, build: exponential },
  'random-regular': {
    directed: false,
    build: (count, spec, seed) => randomRegular(count, spec.degree, spec.seed ?? seed),
  },
  'erdos-renyi': {
    directed: false,
    build: (count, spec, seed) => erdosRenyi(count, spec.probability, spec.seed ?? seed),
  },
  'binary-tree': { directed: false, build: binaryTree },
  'ring-chords': {
    directed: false,
    build: (count, spec, seed) => ringChords(count, spec.chords, spec.seed ?? seed),
  },
  permutations: {
    directed: true,
    build: (count, spec, seed) => permutations(count, spec.count, spec.seed ?? seed),
  },
};

export const topologyKinds = Object.keys(builders) as TopologyKind[];

/** Builds the overlay that a spec describes; `seed` is used by random kinds that name none. */
export function buildOverlay(spec: TopologySpec, nodeCount: number, seed = 0): Overlay {
  if (!Number.isSafeInteger(nodeCount) || nodeCount < 1) {
    throw new InputError('topology-invalid', `a topology of ${nodeCount} silos; wanted at least 1`);
  }
  requireRoom(spec, nodeCount);
  const builder = builders[spec.kind] as Builder<TopologyKind>;
  const arcs = builder.build(nodeCount, spec, seed);
  const { kind, ...options } = spec;
  const shown = Object.entries({ seed, ...options }).filter(([name]) => name !== 'seed' || isRandom(kind));
  const source = [`built-in ${kind}`, ...shown.map(([name, value]) => `${name} ${value}`)].join(', ');
  return overlayOf({ name: kind, source, directed: builder.directed, nodes: siloNames(nodeCount), arcs });
}

/** Refuses what would fill the memory before it is built: graphs whose arcs grow faster than their nodes. */
function requireRoom(spec: TopologySpec, nodeCount: number): void {
  const arcCount = nodeCount * expectedDegree(spec, nodeCount);
  if (nodeCount <= nodesMax && arcCount <= arcsMax) return;
  throw new InputError(
    'topology-invalid',
    `${spec.kind} over ${nodeCount} silos has about ${Math.round(arcCount)} arcs; ` +
      `at most ${nodesMax} silos and ${arcsMax} arcs can be had: use a sparser graph such as ring-chords`,
  );
}

function expectedDegree(spec: TopologySpec, nodeCount: number): number {
  switch (spec.kind) {
    case 'complete':
      return nodeCount - 1;
    case 'erdos-renyi':
      return spec.probability * (nodeCount - 1);
    case 'random-regular':
      return spec.degree;
    case 'ring-chords':
      return 2 + 2 * spec.chords;
    case 'permutations':
      return spec.count;
    default:
      return Math.ceil(Math.log2(nodeCount + 1));
  }
}

function isRandom(kind: TopologyKind): boolean {
  return ['random-regular', 'erdos-renyi', 'ring-chords', 'permutations'].includes(kind);
}
