/**
 * From an underlay and the conditions of a run to the connectivity graph (delays.ts): l(i, j) = 0.0085 ms/km · (length
 * of the shortest way) + 4 ms, A(i, j) = least capacity on the way / hops, as in Marfoq et al. 2020. With shared core
 * links A is the least capacity alone: the others on the way take their share by the arcs that use them.
 */
import { InputError } from '../base/errors.ts';
import type { ConnectivityGraph } from './delays.ts';
import type { Arc } from './overlay.ts';
import { greatCircleKm, unitVectors } from './underlay/geodesy.ts';
import { endsMs, msPerKm, routedPairs } from './underlay/routing.ts';
import type { LengthKind, SiloSite, Underlay } from './underlay/underlay.ts';
import type { Workload } from './workloads.ts';

/** What holds for every silo and link that has no figure of its own. */
export interface Conditions {
  readonly workload: Pick<Workload, 'modelBits' | 'computeMs'>;
  /** s ≥ 1. */
  readonly localSteps: number;
  readonly upBps: number;
  readonly downBps: number;
  /** Of a core link. */
  readonly coreBps: number;
  readonly lengths: LengthKind;
  /** True: arcs share core links, max–min fair. */
  readonly sharedCore: boolean;
}

/** The published setting: iNaturalist aside, core 1 Gbit/s, access 10 Gbit/s, one local step, published lengths. */
export const publishedConditions: Omit<Conditions, 'workload'> = {
  localSteps: 1,
  upBps: 1e10,
  downBps: 1e10,
  coreBps: 1e9,
  lengths: 'published',
  sharedCore: false,
};

/** Pairs of silos are kept in matrices: at most so many silos behind routed links or measurements. */
const matrixSilosMax = 4_000;

/**
 * Throws InputError `conditions-invalid`, `underlay-too-large` (routes between more than 4,000 silos) or
 * `lengths-unknown` (true lengths asked of links without coordinates).
 */
export function connectivityGraph(underlay: Underlay, conditions: Conditions): ConnectivityGraph {
  requireConditions(conditions);
  const shared = perSilo(underlay, conditions);
  if (underlay.measured !== undefined) return measuredGraph(underlay, conditions, shared);
  return underlay.links.length === 0
    ? geometricGraph(underlay, conditions, shared)
    : routedGraph(underlay, conditions, shared);
}

type SiloParts = Pick<
  ConnectivityGraph,
  'siloCount' | 'names' | 'localSteps' | 'modelBits' | 'computeMs' | 'upBps' | 'downBps' | 'places'
>;

function perSilo({ silos, nodes }: Underlay, conditions: Conditions): SiloParts {
  const { workload, localSteps } = conditions;
  const figures = (key: 'computeMs' | 'upBps' | 'downBps', all: number) =>
    Float64Array.from(silos, (silo: SiloSite) => silo[key] ?? all);
  const placed = silos.every(({ node }) => nodes[node]!.latitude !== undefined);
  const degrees = (key: 'latitude' | 'longitude') =>
    Float64Array.from(silos, ({ node }) => nodes[node]![key]!);
  return {
    siloCount: silos.length,
    names: silos.map(({ name }) => name),
    localSteps,
    modelBits: workload.modelBits,
    computeMs: figures('computeMs', workload.computeMs),
    upBps: figures('upBps', conditions.upBps),
    downBps: figures('downBps', conditions.downBps),
    ...(placed ? { places: { latitude: degrees('latitude'), longitude: degrees('longitude') } } : {}),
  };
}

/** Straight cables between all pairs: nothing is stored by pair. */
function geometricGraph(_underlay: Underlay, { coreBps }: Conditions, silo: SiloParts): ConnectivityGraph {
  const { latitude, longitude } = silo.places ?? { latitude: [0], longitude: [0] };
  const vectors = unitVectors(latitude, longitude);
  return {
    ...silo,
    latencyMs: (from, to) => msPerKm * greatCircleKm(vectors, from, to) + endsMs,
    coreBps: () => coreBps,
    symmetric: true,
    linkedArcs: [],
  };
}

function measuredGraph({ measured }: Underlay, { coreBps }: Conditions, silo: SiloParts): ConnectivityGraph {
  const { siloCount } = silo;
  const { latencyMs, bandwidthBps } = measured!;
  return {
    ...silo,
    latencyMs: (from, to) => latencyMs[from * siloCount + to]!,
    coreBps: (from, to) => bandwidthBps?.[from * siloCount + to] ?? coreBps,
    symmetric:
      isSymmetricMatrix(latencyMs, siloCount) &&
      (bandwidthBps === undefined || isSymmetricMatrix(bandwidthBps, siloCount)),
    linkedArcs: [],
  };
}

function routedGraph(underlay: Underlay, conditions: Conditions, silo: SiloParts): ConnectivityGraph {
  const { siloCount } = silo;
  requireSize(siloCount);
  const pairs = routedPairs(underlay, conditions.lengths, conditions.coreBps);
  const { latencyMs, capacityBps, hops, directedCapacityBps, linksOf } = pairs;
  const at = (from: number, to: number) => from * siloCount + to;
  return {
    ...silo,
    latencyMs: (from, to) => latencyMs[at(from, to)]!,
    coreBps: conditions.sharedCore
      ? (from, to) => capacityBps[at(from, to)]!
      : (from, to) => capacityBps[at(from, to)]! / Math.max(1, hops[at(from, to)]!),
    symmetric:
      isSymmetricMatrix(latencyMs, siloCount) &&
      isSymmetricMatrix(hops, siloCount) &&
      isSymmetricMatrix(capacityBps, siloCount),
    ...(conditions.sharedCore ? { routes: { capacityBps: directedCapacityBps, linksOf } } : {}),
    linkedArcs: linkedArcs(underlay),
  };
}

/** Arcs between silos at the ends of one link; the first silo of a node stands for it. */
function linkedArcs({ links, silos, directed }: Underlay): Arc[] {
  const siloAt = new Map<number, number>();
  silos.forEach(({ node }, silo) => {
    if (!siloAt.has(node)) siloAt.set(node, silo);
  });
  return links.flatMap(({ from, to }): Arc[] => {
    const one = siloAt.get(from);
    const other = siloAt.get(to);
    if (one === undefined || other === undefined) return [];
    return directed
      ? [[one, other]]
      : [
          [one, other],
          [other, one],
        ];
  });
}

/** Rounding along a way and back may differ in the last digit. */
function isSymmetricMatrix(matrix: ArrayLike<number>, size: number): boolean {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) {
      const one = matrix[row * size + column]!;
      const other = matrix[column * size + row]!;
      if (one !== other && Math.abs(one - other) > 1e-9 * Math.abs(one)) return false;
    }
  }
  return true;
}

function requireConditions(conditions: Conditions): void {
  const { workload, localSteps, upBps, downBps, coreBps } = conditions;
  const wanted: readonly (readonly [string, number, boolean])[] = [
    ['model bits', workload.modelBits, workload.modelBits > 0],
    ['compute ms', workload.computeMs, workload.computeMs >= 0],
    ['local steps', localSteps, Number.isInteger(localSteps) && localSteps >= 1],
    ['access up, bit/s', upBps, upBps > 0],
    ['access down, bit/s', downBps, downBps > 0],
    ['core, bit/s', coreBps, coreBps > 0],
  ];
  const wrong = wanted.filter(([, value, fine]) => !fine || !Number.isFinite(value));
  if (wrong.length === 0) return;
  throw new InputError(
    'conditions-invalid',
    `conditions: ${wrong.map(([name, value]) => `${name} is ${value}`).join('; ')}; wanted finite numbers more than 0 (local steps whole)`,
  );
}

function requireSize(siloCount: number): void {
  if (siloCount <= matrixSilosMax) return;
  throw new InputError(
    'underlay-too-large',
    `routes between ${siloCount} silos; wanted at most ${matrixSilosMax}, or an underlay of coordinates without links`,
  );
}
