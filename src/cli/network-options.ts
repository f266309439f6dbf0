/** The options of `design` and `cycle-time` that describe a network and a workload, and what they come to. */
import { type Command, Option } from 'commander';
import { InputError } from '../base/errors.ts';
import type { Conditions, ConnectivityGraph, LengthKind, Underlay } from '../topology/index.ts';

export interface NetworkOptions {
  readonly underlay?: string;
  readonly workload?: string;
  readonly modelBits?: string;
  readonly computeMs?: string;
  readonly localSteps: string;
  readonly access: string;
  readonly accessUp?: string;
  readonly accessDown?: string;
  readonly core: string;
  readonly lengths: LengthKind;
  readonly sharedCore?: boolean;
}

/** What delays come from. */
type LengthSource = LengthKind | 'measured' | 'great-circles';

const lengthTexts: Readonly<Record<LengthSource, string>> = {
  published: 'published lengths',
  true: 'true lengths',
  measured: 'measured between silos',
  'great-circles': 'great circles between all silos',
};

export interface Network {
  readonly underlay: Underlay;
  readonly conditions: Conditions;
  readonly graph: ConnectivityGraph;
  readonly workload: string;
  readonly lengths: LengthSource;
  /** Links whose length of that kind was not in the file, replaced by another. */
  readonly lengthsReplaced: number;
}

export const NETWORK_HELP = `
Networks: gaia, aws-na, geant, exodus, ebone; or a file: our YAML, GML, GraphML, SNDlib (XML, native), node-link JSON
(Topology Zoo as in topohub), or CSV of measured latencies and bandwidths. docs/TOPOLOGY.md describes them.
Rates: 10G, 100M, 2.5Gbps or plain bits per second. Where a file gives a link or silo its own figure, that one holds.`;

export function addNetworkOptions(command: Command): Command {
  return command

    .option('--underlay <name|file>', 'the network')
    .option(
      '--workload <name>',
      'shakespeare, femnist, sent140, inaturalist or custom (default: inaturalist)',
    )
    .option('--model-bits <n>', 'size of a model, bits; for a custom workload')
    .option('--compute-ms <ms>', 'time of one local step, ms; for a custom workload')
    .option('--local-steps <n>', 'local steps a round', '1')
    .option('--access <rate>', 'access links of every silo, up and down', '10G')
    .option('--access-up <rate>', 'up only')
    .option('--access-down <rate>', 'down only')
    .option('--core <rate>', 'core links', '1G')
    .addOption(
      new Option('--lengths <kind>', 'link lengths as published (mistakes included) or true ones')
        .choices(['published', 'true'])
        .default('published'),
    )
    .option('--shared-core', 'arcs share core links, max-min fair (default: only access links are shared)');
}

/** Throws InputError and ProblemsError for whatever does not fit, before anything is designed. */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const { connectivityGraph, linkLengths, openUnderlay } = await import('../topology/index.ts');
  if (options.underlay === undefined) {
    throw new InputError('usage', 'name a network: --underlay gaia, aws-na, geant, exodus, ebone or a file');
  }
  const workload = await workloadOf(options);
  const underlay = openUnderlay(options.underlay);
  const { accessUp, accessDown } = options;
  const accessBps = rateOf('--access', options.access);
  const conditions: Conditions = {
    workload,
    localSteps: numberOf('--local-steps', options.localSteps),
    upBps: accessUp === undefined ? accessBps : rateOf('--access-up', accessUp),
    downBps: accessDown === undefined ? accessBps : rateOf('--access-down', accessDown),
    coreBps: rateOf('--core', options.core),
    lengths: options.lengths,
    sharedCore: options.sharedCore === true,
  };
  const graph = connectivityGraph(underlay, conditions);
  const lengths = lengthsOf(underlay, options.lengths);
  const lengthsReplaced = lengths === options.lengths ? linkLengths(underlay, lengths).filledCount : 0;
  return { underlay, conditions, graph, workload: workload.name, lengths, lengthsReplaced };
}

function lengthsOf({ measured, links }: Underlay, kind: LengthKind): LengthSource {
  if (measured !== undefined) return 'measured';
  return links.length === 0 ? 'great-circles' : kind;
}

/** One line on what was assumed. */
export function networkLine(network: Network): string {
  const { underlay, conditions, graph, workload, lengths, lengthsReplaced } = network;
  const { upBps, downBps, coreBps, localSteps, sharedCore } = conditions;
  const access = upBps === downBps ? shownRate(upBps) : `${shownRate(upBps)} up, ${shownRate(downBps)} down`;
  const linkCount = underlay.links.length;
  const replaced = ` (${lengthsReplaced} of ${linkCount} not in the file: true ones or great circles)`;
  return [
    `${underlay.name}: ${graph.siloCount} silos, ${linkCount} links, ${lengthTexts[lengths]}${lengthsReplaced > 0 ? replaced : ''}`,
    `workload ${workload}: ${graph.modelBits} bits, ${conditions.workload.computeMs} ms a step, ${localSteps} a round`,
    `access ${access}, core ${shownRate(coreBps)}${coreNote(graph, sharedCore)}`,
  ].join('; ');
}

/** Arcs can share links only where it is known which links they take. */
function coreNote({ routes }: ConnectivityGraph, sharedCore: boolean): string {
  if (routes !== undefined) return ' shared';
  return sharedCore ? ' (not shared: the links on the way are not known)' : '';
}

async function workloadOf({ workload, modelBits, computeMs }: NetworkOptions) {
  const { findWorkload } = await import('../topology/index.ts');
  const isCustom = workload === 'custom' || (workload === undefined && modelBits !== undefined);
  if (!isCustom) {
    const found = findWorkload(workload ?? 'inaturalist');
    if (modelBits === undefined && computeMs === undefined) return found;
    return {
      name: found.name,
      modelBits: modelBits === undefined ? found.modelBits : numberOf('--model-bits', modelBits),
      computeMs: computeMs === undefined ? found.computeMs : numberOf('--compute-ms', computeMs),
    };
  }
  if (modelBits === undefined || computeMs === undefined) {
    throw new InputError('workload-unknown', 'a custom workload wants --model-bits and --compute-ms');
  }
  return {
    name: 'custom',
    modelBits: numberOf('--model-bits', modelBits),
    computeMs: numberOf('--compute-ms', computeMs),
  };
}

/** `--time-limit`, which is in seconds. */
export function timeLimitMs(text: string): number {
  const limitS = numberOf('--time-limit', text);
  if (limitS <= 0) throw new InputError('usage', `--time-limit ${text}: wanted more than 0 seconds`);
  return 1000 * limitS;
}

export function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InputError('usage', `${option} ${text}: wanted a finite number`);
}

const multiples: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

function rateOf(option: string, text: string): number {
  const found = /^\s*([\d.]+(?:e[+-]?\d+)?)\s*([kmgt]?)(?:bps|bit\/s|bits)?\s*$/i.exec(text);
  const value = Number(found?.[1]) * (multiples[found?.[2]?.toLowerCase() ?? ''] ?? Number.NaN);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InputError(
    'usage',
    `${option} ${text}: wanted a rate more than 0, such as 10G, 100M or 1e9 (bits per second)`,
  );
}

function shownRate(bps: number): string {
  if (bps >= 1e9) return `${bps / 1e9} Gbit/s`;
  return bps >= 1e6 ? `${bps / 1e6} Mbit/s` : `${bps} bit/s`;
}
