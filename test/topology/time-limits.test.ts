/**
 * Every designer, and the judge after it, asks for the time in bounded steps and ends soon after it is up. The clock here ticks
 * when it is asked; work is counted, not timed: delays looked up (in n²), operations on matrices (in n³), numbers drawn.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { GrapevineError } from '../../src/base/errors.ts';
import { Random } from '../../src/base/random.ts';
import {
  type ConnectivityGraph,
  compareDesigns,
  connectivityGraph,
  designers,
  designOne,
  findWorkload,
  isConnected,
  parseUnderlay,
  publishedConditions,
} from '../../src/topology/index.ts';

const work = vi.hoisted(() => ({ delays: 0, algebra: 0, draws: 0 }));

vi.mock('../../src/topology/dense.ts', async (original) => {
  const actual = await original<typeof import('../../src/topology/dense.ts')>();
  return {
    ...actual,
    product: (...[one, other]: Parameters<typeof actual.product>) => {
      work.algebra += one.size ** 3;
      return actual.product(one, other);
    },
  };
});

vi.mock('ml-matrix', async (original) => {
  const actual = await original<typeof import('ml-matrix')>();
  class Counted extends actual.EigenvalueDecomposition {
    constructor(...given: ConstructorParameters<typeof actual.EigenvalueDecomposition>) {
      const [matrix] = given;
      work.algebra += (matrix as { rows: number }).rows ** 3;
      super(...given);
    }
  }
  return { ...actual, EigenvalueDecomposition: Counted };
});

/** A random tree of links with chords; every silo at a node of its own. */
function routed(count: number, sharedCore: boolean): ConnectivityGraph {
  const random = Random.of(3, 'routed', count);
  const degrees = (span: number) => (random.uniform() * span - span / 2).toFixed(2);
  const nodes = Array.from(
    { length: count },
    (_, node) => `{name: n${node}, latitude: ${degrees(100)}, longitude: ${degrees(200)}}`,
  );
  const pairs = Array.from({ length: count - 1 }, (_, index) => [random.integer(index + 1), index + 1]);
  for (let chord = 0; chord < count / 2; chord++) {
    const one = random.integer(count);
    pairs.push([one, (one + 1 + random.integer(count - 1)) % count]);
  }
  const links = pairs.map(([one, other]) => `{from: n${one}, to: n${other}}`);
  const underlay = parseUnderlay(`{name: x, nodes: [${nodes}], links: [${links}]}`, 'x.yaml');
  const workload = findWorkload('inaturalist');
  const graph = connectivityGraph(underlay, {
    ...publishedConditions,
    lengths: 'true',
    workload,
    sharedCore,
  });
  return counted(graph);
}

function counted(graph: ConnectivityGraph): ConnectivityGraph {
  const { latencyMs, routes, ...rest } = graph;
  const lookedUp = (from: number, to: number) => {
    work.delays++;
    return latencyMs(from, to);
  };
  if (routes === undefined) return { ...rest, latencyMs: lookedUp };
  const linksOf = (from: number, to: number) => {
    work.delays++;
    return routes.linksOf(from, to);
  };
  return { ...rest, latencyMs: lookedUp, routes: { ...routes, linksOf } };
}

const sharesFor = (count: number) =>
  Array.from({ length: count }, (_, silo) => [0, 1, 2, 3].map((label) => (label % 2 === silo % 2 ? 0.5 : 0)));

/** Ticks when it is asked; what was done between two questions at most, and after the limit. */
function meteredClock(limitMs: number) {
  let nowMs = 0;
  let before = { ...work };
  let atLimit: typeof work | undefined;
  const most = { delays: 0, algebra: 0, draws: 0 };
  const look = () => {
    most.delays = Math.max(most.delays, work.delays - before.delays);
    most.algebra = Math.max(most.algebra, work.algebra - before.algebra);
    most.draws = Math.max(most.draws, work.draws - before.draws);
    before = { ...work };
  };
  const now = () => {
    look();
    if (nowMs >= limitMs) atLimit ??= { ...work };
    return nowMs++;
  };
  /** The work between two questions, and after the time was up; the last of it is done without a question. */
  const readings = () => {
    look();
    const late = atLimit ?? work;
    return {
      most,
      late: {
        delays: work.delays - late.delays,
        algebra: work.algebra - late.algebra,
        draws: work.draws - late.draws,
      },
    };
  };
  return { now, readings };
}

beforeAll(() => {
  for (const name of ['uint32', 'uniform', 'integer'] as const) {
    const draw = Random.prototype[name];
    vi.spyOn(Random.prototype, name).mockImplementation(function (this: Random, ...given: [number]) {
      work.draws++;
      return draw.apply(this, given);
    });
  }
});
afterAll(() => {
  vi.restoreAllMocks();
});
beforeEach(() => {
  Object.assign(work, { delays: 0, algebra: 0, draws: 0 });
});

/** Several passes over all pairs come before a search can begin; one eigendecomposition or product cannot be interrupted. */
const stepMax = { delays: 6, algebra: 1, draws: 10_000 };
/** Rounds that are random want some 40 draws, of up to n² / 2 arcs, however late it is. */
const lateMax = { delays: 50, algebra: 2, draws: 20_000 };

describe.each([
  [30, false],
  [30, true],
  [60, true],
])('%d silos, shared core: %s', (count, sharedCore) => {
  const problem = { graph: routed(count, sharedCore), labelShares: sharesFor(count) };
  const expectBounded = (done: typeof work, units: typeof work) => {
    expect(done.delays / count ** 2).toBeLessThanOrEqual(units.delays);
    expect(done.algebra / count ** 3).toBeLessThanOrEqual(units.algebra);
    expect(done.draws).toBeLessThanOrEqual(units.draws);
  };

  test.each(designers.map((designer) => [designer.name, designer] as const))(
    '%s asks in bounded steps, and ends soon after its time is up',
    (_, designer) => {
      for (const limitMs of [1, 60]) {
        const clock = meteredClock(limitMs);
        try {
          const { design } = designOne(problem, designer, {}, { seed: 1, limitMs, now: clock.now });
          expect(isConnected(design.overlay)).toBe(true);
        } catch (error) {
          if (!(error instanceof GrapevineError)) throw error;
          expect(error.code).toBe('time-limit');
        }
        expectBounded(clock.readings().most, stepMax);
        expectBounded(clock.readings().late, lateMax);
      }
    },
  );

  test('all of them together, too', () => {
    const clock = meteredClock(400);
    const options = { seed: 1, limitMs: 400, now: clock.now };
    const { designs, skipped } = compareDesigns(problem, designers, options);
    expect(designs.length + skipped.length).toBe(designers.length);
    expectBounded(clock.readings().most, stepMax);
    expectBounded(clock.readings().late, lateMax);
  });
});
