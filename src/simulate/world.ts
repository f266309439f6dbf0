/** From an experiment's `links`, `simulate` and `faults` to what the engine asks: delays and capacities, compute times, fates. */
import { present } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import {
  type Experiment,
  type LinksBlock,
  type NetworkLinks,
  networkGraph,
  type SimulateBlock,
} from '../experiment/index.ts';
import { createFaultPlayer } from '../faults/player.ts';
import type { Overlay } from '../topology/overlay.ts';
import { matchedSilos } from '../topology/silos-by-name.ts';
import { type ComputeModel, type ComputeTimes, computeTimes } from './compute-times.ts';
import type { LinkTable } from './network.ts';
import type { SimulationOptions } from './simulation.ts';

const BPS_PER_MBPS = 1e6;

export type World = Pick<SimulationOptions, 'links' | 'computeMs' | 'faults'>;

/** Where times that were measured come from. */
export interface MeasuredTimes {
  /** The trace at an absolute path. */
  readText(path: string): string;
  /** Milliseconds of each round, by round and silo, of the run that `simulate.compute` names. */
  readonly ofRun?: readonly (readonly number[])[];
}

/** `stepsPerRound`: of each silo. InputError `trace-invalid`. */
export function worldOf(
  { links, simulate, faults, overlay, seed }: Experiment,
  stepsPerRound: readonly number[],
  measured: MeasuredTimes,
): World {
  return {
    links: 'underlay' in links ? networkTable(links, overlay) : linkTable(links),
    computeMs: computeOf(simulate, stepsPerRound, seed, measured),
    ...(faults === undefined ? {} : { faults: createFaultPlayer(faults, overlay.arcs) }),
  };
}

function linkTable({ delay, jitter, linkMbps, upMbps, downMbps, queueMB, arcs = [] }: LinksBlock): LinkTable {
  const special = new Map<number, Map<number, (typeof arcs)[number][2]>>();
  for (const [from, to, what] of arcs) special.set(from, new Map([...(special.get(from) ?? []), [to, what]]));
  const differs = special.size > 0;
  const at = (from: number, to: number) => (differs ? special.get(from)?.get(to) : undefined);
  const rate = (mbps: number | readonly number[] | undefined) => (peer: number) =>
    (typeof mbps === 'number' ? mbps : mbps?.[peer]) ?? Number.POSITIVE_INFINITY;
  return {
    delayMs: (from, to) => at(from, to)?.delay ?? delay,
    jitterMs: (from, to) => at(from, to)?.jitter ?? jitter,
    arcMbps: (from, to) => at(from, to)?.mbps ?? linkMbps ?? Number.POSITIVE_INFINITY,
    upMbps: rate(upMbps),
    downMbps: rate(downMbps),
    queueBytesMax: queueMB === undefined ? Number.POSITIVE_INFINITY : queueMB * 1e6,
    isPlain:
      jitter === 0 &&
      (linkMbps ?? upMbps ?? downMbps) === undefined &&
      arcs.every(([, , { jitter: own = 0, mbps }]) => own === 0 && mbps === undefined),
  };
}

/** Eq. 3 without the sharing of access links, which the network does itself: message for message, not in equal shares. */
function networkTable(links: NetworkLinks, given: Overlay): LinkTable {
  const { dilation, jitter, queueMB } = links;
  const { latencyMs, coreBps, upBps, downBps, names: silos } = networkGraph(links);
  const { placement } = matchedSilos(given, { file: 'topology', network: links.underlay, silos }).overlay;
  const site = (peer: number) => placement?.[peer] ?? peer;
  const mbps = (bps: number) => bps / (BPS_PER_MBPS * dilation);
  return {
    delayMs: (from, to) => dilation * latencyMs(site(from), site(to)),
    jitterMs: () => jitter,
    arcMbps: (from, to) => mbps(coreBps(site(from), site(to))),
    upMbps: (peer) => mbps(present(upBps[site(peer)], 'a silo')),
    downMbps: (peer) => mbps(present(downBps[site(peer)], 'a silo')),
    queueBytesMax: queueMB === undefined ? Number.POSITIVE_INFINITY : queueMB * 1e6,
  };
}

function computeOf(
  { compute, slowness }: SimulateBlock,
  stepsPerRound: readonly number[],
  seed: number,
  measured: MeasuredTimes,
): ComputeTimes {
  const model = modelOf(compute, stepsPerRound.length, measured);
  const setting = {
    model,
    ...(slowness === undefined ? {} : { slowness }),
    ...(compute.per === 'step' ? { stepsPerRound } : {}),
  };
  return computeTimes(setting, seed);
}

function modelOf(
  compute: SimulateBlock['compute'],
  siloCount: number,
  { readText, ofRun }: MeasuredTimes,
): ComputeModel {
  switch (compute.kind) {
    case 'constant':
      return { kind: 'constant', ms: compute.time };
    case 'exponential':
      return { kind: 'exponential', meanMs: compute.mean, shiftMs: compute.shift };
    case 'uniform':
      return { kind: 'uniform', fromMs: compute.from, toMs: compute.to };
    case 'pareto':
      return { kind: 'pareto', leastMs: compute.least, shape: compute.shape };
    case 'times':
      return { kind: 'trace', times: compute.times };
    case 'trace':
      return { kind: 'trace', times: parseTrace(readText(compute.path), compute.path, siloCount) };
    case 'run':
      return { kind: 'trace', times: present(ofRun, 'times of the run') };
  }
}

/** Lines of numbers between commas; empty lines and those that begin with # are passed over. */
function parseTrace(text: string, path: string, siloCount: number): number[][] {
  const times: number[][] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const row = line.split(',').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (row.length !== siloCount || !row.every((ms) => Number.isFinite(ms) && ms >= 0)) {
      throw new InputError(
        'trace-invalid',
        `${path} line ${index + 1}: got ${JSON.stringify(line.slice(0, 60))}, wanted ${siloCount} numbers of milliseconds from 0, one per silo`,
        { path, line: index + 1 },
      );
    }
    times.push(row);
  }
  if (times.length > 0) return times;
  throw new InputError('trace-invalid', `${path} holds no line of times; wanted one line per round`, {
    path,
  });
}
