/**
 * The blocks `simulate`, `links` and `faults` in words: what a simulation models, what a swarm passes over, what goes wrong. What is
 * modelled and how is in docs/SIMULATION.md and docs/FAULTS.md.
 */
import { isDeepStrictEqual } from 'node:util';
import { gammaBounds } from '../exchange/choco-gamma.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import { instantsOf, timeText } from '../faults/spans.ts';
import { paramsLengthOf } from './checks.ts';
import type { Experiment } from './experiment.ts';
import type { NetworkLinks } from './network-links.ts';
import { type LinksBlock, linksSchema, type SimulateBlock, simulateSchema } from './world.ts';

type World = Pick<Experiment, 'links' | 'simulate'>;

/** One line per block. */
export function describeWorld(experiment: Experiment): string[] {
  const { links, simulate, faults } = experiment;
  return [
    `simulate: ${describeCompute(simulate.compute)}${describeSlowness(simulate)}; ${describeTraining(simulate)}`,
    `links: ${'underlay' in links ? describeNetwork(links) : describeLinks(links)}`,
    `faults: ${faults === undefined ? 'none' : describeFaults(faults)}`,
    ...describeStep(experiment),
  ];
}

/** The one default that depends on the model. */
function describeStep({ exchange, data, model }: Experiment): string[] {
  const { compressor, gamma } = exchange.options;
  const length = paramsLengthOf({ data, model });
  if (exchange.rule !== 'choco' || gamma !== undefined || length === undefined) return [];
  const bounds = gammaBounds(compressor, length);
  return bounds === undefined
    ? []
    : [`choco: gamma is ${Number(bounds.usual.toPrecision(2))} with ${length} params`];
}

/** How many faults of each kind, in the order in which the kinds come first. */
export function faultCounts({ faults }: FaultSchedule): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind } of faults) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Settings that only a simulation heeds, where they are not the defaults: `links.delay`, `simulate.compute` … */
export function simulationSettings({ links, simulate }: World): string[] {
  const changed = (name: string, block: object, defaults: object): string[] =>
    Object.entries(block)
      .filter(
        ([key, value]) => !isDeepStrictEqual(value, (defaults as Readonly<Record<string, unknown>>)[key]),
      )
      .map(([key]) => `${name}.${key}`);
  return [
    ...changed('links', links, linksSchema.parse({})),
    ...changed('simulate', simulate, simulateSchema.parse({})),
  ];
}

function describeCompute(compute: SimulateBlock['compute']): string {
  const each = compute.per === 'step' ? 'an update takes' : "a round's updates take";
  switch (compute.kind) {
    case 'constant':
      return `${each} ${timeText(compute.time)}`;
    case 'exponential': {
      const shift = compute.shift === 0 ? '' : `${timeText(compute.shift)} and `;
      return `${each} ${shift}${timeText(compute.mean)} in the mean, exponential`;
    }
    case 'uniform':
      return `${each} ${timeText(compute.from)} to ${timeText(compute.to)}, uniform`;
    case 'pareto': {
      const { least, shape } = compute;
      const mean = shape > 1 ? `${timeText((least * shape) / (shape - 1))} in the mean` : 'no finite mean';
      return `${each} at least ${timeText(least)}, Pareto with shape ${shape} (${mean})`;
    }
    case 'trace':
      return `${each} as long as ${compute.path} says, a line per round`;
    case 'times':
      return `${each} as long as ${compute.times.length} lines of times say`;
    case 'run':
      return `${each} as long as in the run ${compute.from}, round by round`;
  }
}

function describeSlowness({ slowness }: SimulateBlock): string {
  if (slowness === undefined) return '';
  if ('sigma' in slowness) return `, times one factor per silo, exp(${slowness.sigma} · N(0, 1))`;
  return `, times ${Math.min(...slowness)} to ${Math.max(...slowness)} by silo`;
}

function describeTraining({ training }: SimulateBlock): string {
  return training === 'exact'
    ? 'silos are trained one by one, to the bit as in a swarm'
    : 'silos of one shape are trained together: faster, equal to rounding';
}

function describeNetwork({
  underlay,
  lengths,
  coreMbps,
  jitter,
  queueMB,
  dilation,
  ...access
}: NetworkLinks): string {
  const { accessMbps, accessUpMbps = accessMbps, accessDownMbps = accessMbps } = access;
  return [
    `those of ${underlay}, ${lengths} lengths`,
    `access ${accessUpMbps} Mbit/s up and ${accessDownMbps} down, core ${coreMbps}, where it says nothing else`,
    ...(jitter === 0 ? [] : [`up to ${timeText(jitter)} more`]),
    ...(queueMB === undefined ? [] : [`up to ${queueMB} MB wait`]),
    ...(dilation === 1 ? [] : [`all ${dilation} times as slow`]),
  ].join(', ');
}

function describeLinks({
  delay,
  jitter,
  linkMbps,
  upMbps,
  downMbps,
  queueMB,
  arcs = [],
}: LinksBlock): string {
  const rates = [
    ['each link', linkMbps],
    ['out of a silo', upMbps],
    ['into a silo', downMbps],
  ] as const;
  const limits = rates.flatMap(([where, mbps]) =>
    mbps === undefined
      ? []
      : [
          `${typeof mbps === 'number' ? mbps : `${Math.min(...mbps)} to ${Math.max(...mbps)}`} Mbit/s ${where}`,
        ],
  );
  return [
    `a message takes ${timeText(delay)}${jitter === 0 ? '' : ` and up to ${timeText(jitter)} more`}`,
    ...(limits.length === 0 ? ['no limit of capacity'] : limits),
    ...(queueMB === undefined ? [] : [`up to ${queueMB} MB wait`]),
    ...(arcs.length === 0 ? [] : [`${arcs.length} links differ`]),
  ].join(', ');
}

function describeFaults(schedule: FaultSchedule): string {
  const { faults, seed } = schedule;
  const kinds = Object.entries(faultCounts(schedule)).map(([kind, count]) => `${count} ${kind}`);
  const instants = faults.flatMap((fault) => instantsOf(fault).map(({ atMs }) => atMs));
  const last = Math.max(...instants);
  const until = last > 0 ? `, the last change at ${timeText(last)}` : '';
  return `${faults.length} (${kinds.join(', ')}), seed ${seed}${until}; the same in swarm and simulate`;
}
