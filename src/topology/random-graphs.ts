/**
 * The graphs that chance draws: each from a node count, options and a seed to edges, given once, or arcs; redrawn until they are
 * (strongly) connected. They throw InputError `topology-invalid` where no such graph exists.
 */
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { isConnected } from './connectivity.ts';
import { type Arc, overlayOf, siloNames } from './overlay.ts';
import { ring } from './regular-graphs.ts';

const redrawsMax = 200;
/** Up to so many nodes an Erdős–Rényi graph takes a draw per pair; above, a draw per edge. */
const pairDrawsNodesMax = 10_000;
/** Draws of a chord's other end before the free ones are counted out. */
const chordDrawsMax = 32;

/**
 * A random simple connected graph in which every node has `degree` neighbours: stubs are paired at random, skipping
 * pairs that would make a loop or a double edge (Steger, Wormald 1999); redrawn when stuck or disconnected.
 */
export function randomRegular(nodeCount: number, degree: number, seed: number): Arc[] {
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
  return redraw(sayable, nodeCount, false, (draw) =>
    pairStubs(nodeCount, degree, Random.of(seed, 'random-regular', draw)),
  );
}

/** Every pair is an edge with the given probability; redrawn until connected. */
export function erdosRenyi(nodeCount: number, probability: number, seed: number): Arc[] {
  const sayable = `erdos-renyi of probability ${probability} over ${nodeCount} silos`;
  return redraw(sayable, nodeCount, false, (draw) => {
    const random = Random.of(seed, 'erdos-renyi', draw);
    return nodeCount <= pairDrawsNodesMax
      ? drawPairs(nodeCount, probability, random)
      : skipPairs(nodeCount, probability, random);
  });
}

function drawPairs(nodeCount: number, probability: number, random: Random): Arc[] {
  const arcs: Arc[] = [];
  for (let low = 0; low < nodeCount; low++)
    for (let high = low + 1; high < nodeCount; high++)
      if (random.uniform() < probability) arcs.push([low, high]);
  return arcs;
}

/** The gaps between edges, counted along all pairs, are geometric (Batagelj, Brandes 2005). */
function skipPairs(nodeCount: number, probability: number, random: Random): Arc[] {
  const arcs: Arc[] = [];
  const rate = Math.log1p(-probability);
  let low = -1;
  for (let high = 1; high < nodeCount; ) {
    low += 1 + Math.floor(-random.exponential() / rate);
    while (low >= high && high < nodeCount) low -= high++;
    if (high < nodeCount) arcs.push([low, high]);
  }
  return arcs;
}

/**
 * A ring, and from each node `chords` edges to others drawn at random: small degree, small diameter (Bollobás, Chung 1988, who add a
 * matching). A node that is joined to all others already draws none.
 */
export function ringChords(nodeCount: number, chords: number, seed: number): Arc[] {
  const random = Random.of(seed, 'ring-chords');
  const arcs = ring(nodeCount);
  const taken = new Set(arcs.map(([a, b]) => pairKey(a, b, nodeCount)));
  for (let node = 0; node < nodeCount; node++) {
    for (let chord = 0; chord < chords; chord++) {
      const other = drawFree(node, nodeCount, taken, random);
      if (other === undefined) break;
      taken.add(pairKey(node, other, nodeCount));
      arcs.push([node, other]);
    }
  }
  return arcs;
}

function drawFree(
  node: number,
  nodeCount: number,
  taken: ReadonlySet<number>,
  random: Random,
): number | undefined {
  const isFree = (other: number) => other !== node && !taken.has(pairKey(node, other, nodeCount));
  for (let draw = 0; draw < chordDrawsMax; draw++) {
    const other = random.integer(nodeCount);
    if (isFree(other)) return other;
  }
  const free = Array.from({ length: nodeCount }, (_, other) => other).filter(isFree);
  return free.length === 0 ? undefined : free[random.integer(free.length)];
}

/**
 * The union of `count` random permutations without fixed points or common arcs: a digraph in which every node sends to `count` others
 * and hears `count` (Friedman 2008: almost surely an expander).
 */
export function permutations(nodeCount: number, count: number, seed: number): Arc[] {
  const sayable = `${count} permutations over ${nodeCount} silos`;
  if (count >= nodeCount)
    throw new InputError('topology-invalid', `${sayable}: the count must be below that of the silos`);
  return redraw(sayable, nodeCount, true, (draw) => {
    const random = Random.of(seed, 'permutations', draw);
    const taken = new Set<number>();
    const arcs: Arc[] = [];
    for (let index = 0; index < count; index++) {
      const next = drawPermutation(nodeCount, taken, random);
      if (next === undefined) return undefined;
      for (let node = 0; node < nodeCount; node++) {
        taken.add(node * nodeCount + next[node]!);
        arcs.push([node, next[node]!]);
      }
    }
    return arcs;
  });
}

/** A random permutation; what is a fixed point or taken is exchanged with random others until nothing is. */
function drawPermutation(
  nodeCount: number,
  taken: ReadonlySet<number>,
  random: Random,
): Int32Array | undefined {
  const next = random.shuffle(Int32Array.from({ length: nodeCount }, (_, node) => node));
  const fits = (node: number, to: number) => node !== to && !taken.has(node * nodeCount + to);
  for (let node = 0; node < nodeCount; node++) {
    for (let draw = 0; !fits(node, next[node]!); draw++) {
      if (draw > 64 * nodeCount) return undefined;
      const other = random.integer(nodeCount);
      const [own, theirs] = [next[node]!, next[other]!];
      if (!fits(node, theirs) || (fits(other, theirs) && !fits(other, own))) continue;
      next[node] = theirs;
      next[other] = own;
    }
  }
  return next.every((to, node) => fits(node, to)) ? next : undefined;
}

function pairKey(a: number, b: number, nodeCount: number): number {
  return Math.min(a, b) * nodeCount + Math.max(a, b);
}

function redraw(
  sayable: string,
  nodeCount: number,
  directed: boolean,
  draw: (index: number) => Arc[] | undefined,
): Arc[] {
  for (let index = 0; index < redrawsMax; index++) {
    const arcs = draw(index);
    if (arcs === undefined) continue;
    if (isConnected(overlayOf({ name: '', directed, nodes: siloNames(nodeCount), arcs }))) return arcs;
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
