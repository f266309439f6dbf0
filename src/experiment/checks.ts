/** What needs more than one block of an experiment to judge: graph, weights, rule, carrier, partition, stopping. */
import { checkAgainst } from '../base/document.ts';
import { GrapevineError, type Problem, ProblemsError } from '../base/errors.ts';
import { nearest, shown } from '../base/schema-problems.ts';
import { exchangeRuleNames, findExchangeRule } from '../exchange/registry.ts';
import type { ExchangeRule, RuleGraph } from '../exchange/rule.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import { isLinkFault } from '../faults/link-faults.ts';
import { resolveFaults } from '../faults/resolve.ts';
import { buildOverlay, topologyKinds, topologySchema } from '../topology/builders.ts';
import { requireConnected } from '../topology/connectivity.ts';
import { defaultMixing, type MixingSpec } from '../topology/mixing.ts';
import { inNeighbours, isSymmetric, type Overlay, outNeighbours } from '../topology/overlay.ts';
import { checkOverlay, overlayData } from '../topology/overlay-file.ts';
import { mixingMatrices } from '../topology/schedule.ts';
import { checkTiming, type Designing, designedOverlay } from './designed-overlay.ts';
import { namesNetwork } from './network-links.ts';
import type { ExperimentFile } from './schema.ts';

/** Models above this travel badly in gossip messages; see docs on carriers. */
const gossipParamsBytesMax = 4 * 2 ** 20;
const islands = ['Biscoe', 'Dream', 'Torgersen'];

export type Problems = Problem[];

export interface ResolvedTopology {
  /** As it goes into the resolved file: a graph by kind, or the overlay of a file, or a designed one, written out. */
  readonly topology: Readonly<Record<string, unknown>>;
  readonly overlay: Overlay;
}

/** What a `topology` block may need to be built. */
export interface TopologySources {
  /** Fetches the overlay file that the block names. */
  readonly readText: (path: string) => string;
  readonly designing: Designing;
}

/** Builds, reads or designs the graph. Undefined after a problem. */
export function resolveTopology(
  block: unknown,
  silos: number | undefined,
  seed: number,
  sources: TopologySources,
  problems: Problems,
): ResolvedTopology | undefined {
  try {
    const resolved = readTopology(
      typeof block === 'string' ? { kind: block } : block,
      silos,
      seed,
      sources,
      problems,
    );
    if (resolved === undefined) return undefined;
    const nodeCount = resolved.overlay.nodes.length;
    if (silos !== undefined && silos !== nodeCount) {
      const message = `got ${silos}, but the overlay ${resolved.overlay.name} has ${nodeCount} nodes`;
      problems.push({
        path: 'data.silos',
        message,
        suggestion: `set data.silos to ${nodeCount} or choose another topology`,
      });
      return undefined;
    }
    requireConnected(resolved.overlay);
    return resolved;
  } catch (error) {
    problems.push(...problemsOfError(error, 'topology'));
    return undefined;
  }
}

function readTopology(
  block: unknown,
  silos: number | undefined,
  seed: number,
  { readText, designing }: TopologySources,
  problems: Problems,
): ResolvedTopology | undefined {
  if (typeof block !== 'object' || block === null || Array.isArray(block)) {
    const wanted = `a graph such as {kind: ring} (${topologyKinds.join(', ')}), {file: overlay.yaml}, or {underlay, overlay, workload} to design one`;
    const message =
      block === undefined ? `is missing; wanted ${wanted}` : `got ${shown(block)}, wanted ${wanted}`;
    problems.push({ path: 'topology', message });
    return undefined;
  }
  if (namesNetwork(block)) {
    const overlay = designedOverlay(block, silos, designing, problems);
    return overlay === undefined ? undefined : { topology: { overlay }, overlay };
  }
  const source = ['file', 'overlay'].find((key) => Object.hasOwn(block, key));
  if (source !== undefined)
    return readWrittenOut(block as Record<string, unknown>, source, readText, problems);
  const checked = checkAgainst(topologySchema, block, ['topology']);
  if (!checked.ok) problems.push(...checked.problems);
  // Without a silo count there is already a problem at data.silos.
  if (!checked.ok || silos === undefined) return undefined;
  return { topology: checked.value, overlay: buildOverlay(checked.value, silos, seed) };
}

function readWrittenOut(
  block: Readonly<Record<string, unknown>>,
  source: string,
  readText: (path: string) => string,
  problems: Problems,
): ResolvedTopology | undefined {
  for (const key of Object.keys(block)) {
    if (key !== source) problems.push({ path: `topology.${key}`, message: `unknown key beside ${source}` });
  }
  const { file } = block;
  if (source === 'file' && typeof file !== 'string') {
    problems.push({
      path: 'topology.file',
      message: `got ${shown(file)}, wanted the path of an overlay file`,
    });
    return undefined;
  }
  const data = source === 'file' ? overlayData(readText(file as string), file as string) : block.overlay;
  const checked = checkOverlay(data, ['topology', source]);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return undefined;
  }
  // How a round is judged is nothing that a run follows, unless it needs what no run has.
  const { timing = { kind: 'gossip' }, ...overlay } = checked.value;
  checkTiming(timing, overlay.name, `topology.${source}`, problems);
  return { topology: { overlay }, overlay };
}

/** The rule with its own options complete; undefined after a problem. */
export function resolveRule(
  exchange: ExperimentFile['exchange'],
  problems: Problems,
): { rule: ExchangeRule; options: Readonly<Record<string, unknown>> } | undefined {
  const { rule: name, weights: _weights, carrier: _carrier, encoding, deadline, ...own } = exchange;
  if (deadline.ceilingMs < deadline.floorMs) {
    const message = `got ${deadline.ceilingMs}, wanted at least floorMs, which is ${deadline.floorMs}`;
    problems.push({ path: 'exchange.deadline.ceilingMs', message });
  }
  const rule = exchangeRuleNames.includes(name) ? findExchangeRule(name, encoding) : undefined;
  if (rule === undefined) {
    const near = nearest(name, exchangeRuleNames);
    const message = `got ${shown(name)}, wanted one of ${exchangeRuleNames.join(', ')}`;
    problems.push({
      path: 'exchange.rule',
      message,
      ...(near === undefined ? {} : { suggestion: `did you mean ${near}?` }),
    });
    return undefined;
  }
  const parsed = rule.parse(own);
  if (parsed.ok) return { rule, options: parsed.options };
  problems.push(...parsed.problems.map((message) => ruleProblem(message, own)));
  return undefined;
}

/** A rule speaks in sentences: the option it names becomes the path, the nearest of its words the suggestion. */
function ruleProblem(message: string, options: Readonly<Record<string, unknown>>): Problem {
  const words = message.split(/[^A-Za-z0-9-]+/).filter((word) => word.length > 2);
  const unknown = message.startsWith('unknown');
  // An unknown option is named first, before those that there are.
  const place = (name: string) => (unknown ? words.indexOf(name) : 0);
  const [key] = Object.keys(options)
    .filter((name) => words.includes(name))
    .sort((a, b) => place(a) - place(b));
  if (key === undefined) return { path: 'exchange', message };
  const candidates = unknown ? ['rule', 'weights', 'carrier', 'encoding', 'deadline', ...words] : words;
  const meant = unknown ? key : options[key];
  // The name nearest to a number is a number of the sentence, which says nothing.
  if (typeof meant !== 'string') return { path: `exchange.${key}`, message };
  const near = nearest(
    meant,
    candidates.filter((word) => word !== key && word !== meant),
  );
  return {
    path: `exchange.${key}`,
    message,
    ...(near === undefined ? {} : { suggestion: `did you mean ${near}?` }),
  };
}

/** The mixing spec in use, tried out on the overlay. */
export function resolveWeights(
  overlay: Overlay,
  asked: MixingSpec | undefined,
  problems: Problems,
): MixingSpec {
  const weights = asked ?? defaultMixing(overlay);
  try {
    mixingMatrices(overlay, weights);
  } catch (error) {
    problems.push(...problemsOfError(error, 'exchange.weights'));
  }
  return weights;
}

/** Whether the rule, with its options, can run on the graph. */
export function checkRuleOnOverlay(
  rule: ExchangeRule,
  options: Readonly<Record<string, unknown>>,
  overlay: Overlay,
  problems: Problems,
): void {
  const graph: RuleGraph = {
    peerCount: overlay.nodes.length,
    undirected: isSymmetric(overlay),
    outDegrees: outNeighbours(overlay).map(({ length }) => length),
    inDegrees: inNeighbours(overlay).map(({ length }) => length),
  };
  for (const message of rule.fits?.(options, graph) ?? []) problems.push(ruleProblem(message, options));
  if (rule.graphs === 'undirected' && !isSymmetric(overlay)) {
    const message = `rule ${rule.name} wants an undirected graph, and ${overlay.name} is directed`;
    problems.push({
      path: 'exchange.rule',
      message,
      suggestion: 'use rule dpsgd, receive-merge, gossip-learning or push-sum, or an undirected topology',
    });
  }
  if (overlay.schedule !== undefined && rule.schedules !== true) {
    const message = `overlay ${overlay.name} changes over ${overlay.schedule.length} phases, and rule ${rule.name} uses all arcs in every round`;
    const suggestion = 'use rule dpsgd, or remove the schedule from the overlay file';
    problems.push({ path: 'topology', message, suggestion });
  }
}

/** Gossip reaches all neighbours at once, a phase's or not. */
export function checkScheduleCarrier(
  { name, schedule }: Overlay,
  carrier: string | undefined,
  problems: Problems,
): void {
  if (schedule === undefined || carrier !== 'gossip') return;
  const message = `overlay ${name} changes from round to round, and gossip publishes to all neighbours in every round`;
  problems.push({ path: 'exchange.carrier', message, suggestion: 'use carrier: stream' });
}

/** What `file` has of its blocks is in order each by itself. */
export function checkCarrier(rule: ExchangeRule, file: Partial<ExperimentFile>, problems: Problems): void {
  if (file.exchange?.carrier !== 'gossip') return;
  const path = 'exchange.carrier';
  const suggestion = 'use carrier: stream';
  if (!rule.broadcast) {
    const message = `gossip publishes one message to all neighbours, and rule ${rule.name} sends to one at a time`;
    problems.push({ path, message, suggestion });
  }
  const bytes = (paramsLengthOf(file) ?? 0) * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > gossipParamsBytesMax) {
    const message = `the model has ${bytes} bytes, and gossip carries up to ${gossipParamsBytesMax}`;
    problems.push({ path, message, suggestion });
  }
}

/** Whether the rule can work on the model, where the experiment alone tells its size. */
export function checkModelSize(
  rule: ExchangeRule,
  options: Readonly<Record<string, unknown>>,
  file: Partial<ExperimentFile>,
  problems: Problems,
): void {
  const length = paramsLengthOf(file);
  const message = length === undefined ? undefined : rule.fitsParams?.(options, length);
  if (message !== undefined) problems.push(ruleProblem(message, options));
}

export function checkTraining(
  { localEpochs, localSteps }: ExperimentFile['train'],
  problems: Problems,
): void {
  if (localEpochs === undefined || localSteps === undefined) return;
  const message = `got localEpochs ${localEpochs} and localSteps ${localSteps}, wanted one of them`;
  problems.push({ path: 'train.localSteps', message, suggestion: 'remove one' });
}

export function checkData({ dataset, partition, silos }: ExperimentFile['data'], problems: Problems): void {
  if (silos === undefined) return;
  if (partition.kind === 'quantity' && partition.sizes !== undefined && partition.sizes.length !== silos) {
    const message = `got ${partition.sizes.length} sizes, wanted one for each of the ${silos} silos`;
    problems.push({ path: 'data.partition.sizes', message });
  }
  if (partition.kind !== 'natural' || partition.column !== undefined || partition.file !== undefined) return;
  if (dataset.kind === 'penguins' && silos > islands.length) {
    const message = `got ${silos}, but the penguins live on ${islands.length} islands`;
    const suggestion = `set data.silos to ${islands.length}, or use partition: dirichlet`;
    problems.push({ path: 'data.silos', message, suggestion });
  }
}

/** An accuracy that no silo can have is not worth asking for. */
export function checkAggregate({ aggregate, data }: Partial<ExperimentFile>, problems: Problems): void {
  if (aggregate === undefined || data === undefined) return;
  const asked = aggregate.metrics.filter((metric) => metric !== 'samples');
  if (asked.length === 0) return;
  if (data.dataset.kind === 'toy') {
    const message = `asks for ${asked.join(' and ')}, but the toy data have no classes, so there is no accuracy`;
    problems.push({ path: 'aggregate.metrics', message });
  } else if (asked.includes('ownTest') && data.testShare === 0) {
    const message = 'asks for ownTest, but no silo holds test data out';
    problems.push({ path: 'aggregate.metrics', message, suggestion: 'set data.testShare to 0.2' });
  }
}

export function checkStop(
  stop: ExperimentFile['stop'],
  data: ExperimentFile['data'] | undefined,
  problems: Problems,
): void {
  if (Object.values(stop).every((value) => value === undefined)) {
    problems.push({
      path: 'stop',
      message: 'is empty; wanted at least one of rounds, seconds, targetAccuracy',
    });
  }
  if (stop.targetAccuracy === undefined || data === undefined) return;
  if (data.dataset.kind === 'toy') {
    problems.push({
      path: 'stop.targetAccuracy',
      message: 'the toy data have no classes, so there is no accuracy',
    });
    return;
  }
  if (data.testShare > 0 || hasGlobalTest(data.dataset)) return;
  const message = 'an accuracy is to be reached, but no silo holds test data out';
  problems.push({ path: 'stop.targetAccuracy', message, suggestion: 'set data.testShare to 0.2' });
}

function hasGlobalTest(dataset: ExperimentFile['data']['dataset']): boolean {
  if (dataset.kind === 'csv' || dataset.kind === 'json') return dataset.testPath !== undefined;
  return dataset.kind === 'mnist' || (dataset.kind === 'idx' && dataset.testImages !== undefined);
}

/** The faults as one typed record; undefined after a problem, and where there are none. */
export function resolveSchedule(
  { faults, seed, data, exchange, stop }: Partial<ExperimentFile>,
  { nodes, arcs }: Overlay,
  problems: Problems,
): FaultSchedule | undefined {
  if (faults === undefined) return undefined;
  const names = penguinNames(data) ?? nodes;
  const runMs = stop?.seconds === undefined ? {} : { runMs: stop.seconds * 1_000 };
  const schedule = resolveFaults(faults, seed ?? 1, { names, arcs, ...runMs }, problems);
  if (exchange?.carrier === 'gossip' && schedule?.faults.some(isLinkFault)) {
    const message =
      'a fault of links or messages means nothing with carrier gossip, where a message takes whichever way is open';
    problems.push({ path: 'faults', message, suggestion: 'use carrier: stream, or only faults of peers' });
  }
  return schedule;
}

/** The silos of a natural partition are named after their keys, which only the data tell; these are known before. */
function penguinNames(data: ExperimentFile['data'] | undefined): readonly string[] | undefined {
  if (data?.dataset.kind !== 'penguins' || data.partition.kind !== 'natural') return undefined;
  const { column, file } = data.partition;
  if (column !== undefined || file !== undefined || data.silos !== islands.length) return undefined;
  return islands;
}

/** Features and classes of the data sets that have always the same. */
const SHAPES: Readonly<Record<string, { readonly inputs: number; readonly classes: number }>> = {
  mnist: { inputs: 784, classes: 10 },
  digits: { inputs: 64, classes: 10 },
  penguins: { inputs: 4, classes: 3 },
};

/** Number of params where the experiment alone tells; who runs it checks the real layout again. */
export function paramsLengthOf({
  data,
  model,
}: Partial<Pick<ExperimentFile, 'data' | 'model'>>): number | undefined {
  if (data === undefined || model === undefined) return undefined;
  const { dataset } = data;
  if (dataset.kind === 'toy') return dataset.optima?.[0]?.length ?? dataset.dimension;
  const shape = SHAPES[dataset.kind];
  if (shape === undefined || (model.kind !== 'mlp' && model.kind !== 'softmax')) return undefined;
  const widths = [shape.inputs, ...(model.kind === 'mlp' ? model.hidden : []), shape.classes];
  return widths.slice(1).reduce((sum, width, layer) => sum + (widths[layer]! + 1) * width, 0);
}

function problemsOfError(error: unknown, path: string): Problem[] {
  if (error instanceof ProblemsError) {
    return error.problems.map((problem) => ({
      ...problem,
      path: [path, problem.path].filter((part) => part !== '').join(': '),
    }));
  }
  if (error instanceof GrapevineError) return [{ path, message: error.message }];
  throw error;
}
