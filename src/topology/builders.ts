/**
 * The graphs an experiment can ask for by kind. Each is a small pure function from node count, options and seed to
 * edges or arcs; a new one is one function and one line in `builders`. They throw InputError `topology-invalid`
 * where no such graph exists.
 */
import { z } from 'zod';
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { isConnected } from './connectivity.ts';
import { type Arc, type Overlay, overlayOf, siloNames } from './overlay.ts';
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
const size = z.int().min(1).max(10_000);
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
]);

export type TopologySpec = z.infer<typeof topologySchema>;
export type TopologyKind = TopologySpec['kind'];

type SpecOf<Kind extends TopologyKind> = Extract<TopologySpec, { kind: Kind }>;

interface Builder<Kind extends TopologyKind> {
  readonly directed: boolean;
  /** Undirected edges need be given in one direction only. */
  build(nodeCount: number, spec: SpecOf<Kind>, seed: number): Arc[];
}

const redrawsMax = 200;

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
};

export const topologyKinds = Object.keys(builders) as TopologyKind[];

/** Builds the overlay that a spec describes; `seed` is used by random kinds that name none. */
export function buildOverlay(spec: TopologySpec, nodeCount: number, seed = 0): Overlay {
  if (!Number.isSafeInteger(nodeCount) || nodeCount < 1) {
    throw new InputError('topology-invalid', `a topology of ${nodeCount} silos; wanted at least 1`);
  }
  const builder = builders[spec.kind] as Builder<TopologyKind>;
  const arcs = builder.build(nodeCount, spec, seed);
  const { kind, ...options } = spec;
  const shown = Object.entries({ seed, ...options }).filter(([name]) => name !== 'seed' || isRandom(kind));
  const source = [`built-in ${kind}`, ...shown.map(([name, value]) => `${name} ${value}`)].join(', ');
  return overlayOf({ name: kind, source, directed: builder.directed, nodes: siloNames(nodeCount), arcs });
}

/**
 * A random simple connected graph in which every node has `degree` neighbours: stubs are paired at random, skipping
 * pairs that would make a loop or a double edge (Steger, Wormald 1999); redrawn when stuck or disconnected.
 */
function randomRegular(nodeCount: number, degree: number, seed: number): Arc[] {
  if (nodeCount === 1) return [];
  const sayable = `random-regular of degree ${degree} over ${nodeCount} silos`;
  if (degree >= nodeCount)
    throw new InputError('topology-invalid', `${sayable}: the degree must be below the count`);
  if ((degree * nodeCount) % 2 !== 0) {
    throw new InputError(
      'topology-invalid',
      `${sayable}: degree × silos must be even; use degree ${degree + 1}`,
    );
  }
  if (degree === 1 && nodeCount > 2) {
    throw new InputError('topology-invalid', `${sayable} is never connected; use a degree of at least 2`);
  }
  return redraw(sayable, nodeCount, (draw) =>
    pairStubs(nodeCount, degree, Random.of(seed, 'random-regular', draw)),
  );
}

/** Every pair is an edge with the given probability; redrawn until connected. */
function erdosRenyi(nodeCount: number, probability: number, seed: number): Arc[] {
  const sayable = `erdos-renyi of probability ${probability} over ${nodeCount} silos`;
  return redraw(sayable, nodeCount, (draw) => {
    const random = Random.of(seed, 'erdos-renyi', draw);
    return complete(nodeCount).filter(() => random.uniform() < probability);
  });
}

function redraw(sayable: string, nodeCount: number, draw: (index: number) => Arc[] | undefined): Arc[] {
  for (let index = 0; index < redrawsMax; index++) {
    const arcs = draw(index);
    if (arcs === undefined) continue;
    if (isConnected(overlayOf({ name: '', directed: false, nodes: siloNames(nodeCount), arcs }))) return arcs;
  }
  throw new InputError(
    'topology-invalid',
    `${sayable}: none of ${redrawsMax} draws was connected; use a larger degree or probability, or another seed`,
  );
}

function pairStubs(nodeCount: number, degree: number, random: Random): Arc[] | undefined {
  const arcs: Arc[] = [];
  const taken = new Set<number>();
  let stubs = Array.from({ length: nodeCount * degree }, (_, index) => index % nodeCount);
  while (stubs.length > 0) {
    random.shuffle(stubs);
    const left: number[] = [];
    for (let index = 0; index < stubs.length; index += 2) {
      const low = Math.min(stubs[index]!, stubs[index + 1]!);
      const high = Math.max(stubs[index]!, stubs[index + 1]!);
      const key = low * nodeCount + high;
      if (low === high || taken.has(key)) left.push(low, high);
      else {
        taken.add(key);
        arcs.push([low, high]);
      }
    }
    if (left.length === stubs.length && !hasFreePair(left, taken, nodeCount)) return undefined;
    stubs = left;
  }
  return arcs;
}

/** Whether any two of the stubs left over can still be joined. */
function hasFreePair(stubs: readonly number[], taken: ReadonlySet<number>, nodeCount: number): boolean {
  const nodes = [...new Set(stubs)].sort((a, b) => a - b);
  return nodes.some((low, index) =>
    nodes.slice(index + 1).some((high) => !taken.has(low * nodeCount + high)),
  );
}

function isRandom(kind: TopologyKind): boolean {
  return kind === 'random-regular' || kind === 'erdos-renyi';
}
