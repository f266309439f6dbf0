/**
 * Reads an experiment file: YAML, overrides, schema, then the checks across blocks; every problem at once.
 * Relative paths start at the folder of the file that names them; an overlay file may also be named from the
 * working folder.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkAgainst, deepFreeze, parseYaml, readDocumentFile } from '../base/document.ts';
import { type Problem, ProblemsError } from '../base/errors.ts';
import type { ExchangeRule } from '../exchange/rule.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import type { MixingSpec } from '../topology/mixing.ts';
import { overlayBytesMax } from '../topology/overlay-file.ts';
import {
  checkAggregate,
  checkCarrier,
  checkData,
  checkModelSize,
  checkRuleOnOverlay,
  checkScheduleCarrier,
  checkStop,
  checkTraining,
  type ResolvedTopology,
  resolveRule,
  resolveSchedule,
  resolveTopology,
  resolveWeights,
  type TopologySources,
} from './checks.ts';
import type { DesignCache } from './designed-overlay.ts';
import type { Experiment } from './experiment.ts';
import { namesNetwork, resolveNetworkLinks } from './network-links.ts';
import { applyOverrides } from './overrides.ts';
import { type ExperimentFile, experimentSchema } from './schema.ts';
import { checkToy, resolveToy } from './toy-block.ts';
import { checkWorld, type LinksBlock, type SimulateBlock } from './world.ts';

export interface ParseOptions {
  /** Name of the file, for messages; its folder is where relative paths start. */
  readonly file: string;
  /** `path=value`, applied before the checks; values are YAML. */
  readonly overrides?: readonly string[];
  /** Reads the overlay file at an absolute path; by default from disk. */
  readonly readText?: (path: string) => string;
  /** Told how far the design of an overlay is, where the experiment asks for one. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Overlays designed before. */
  readonly designs?: DesignCache | undefined;
}

/** Reads and checks the experiment at `path`. Throws InputError `file-missing` …, or ProblemsError. */
export function loadExperiment(
  path: string,
  overrides: readonly string[] = [],
  designing: Pick<ParseOptions, 'onProgress' | 'designs'> = {},
): Experiment {
  return parseExperiment(readDocumentFile(path, 'experiment'), { file: path, overrides, ...designing });
}

/** An experiment from the text of its file. Throws ProblemsError with everything that is wrong. */
export function parseExperiment(text: string, options: ParseOptions): Experiment {
  const changed = applyOverrides(parseYaml(text, options.file), options.overrides ?? []);
  const { data, networkLinks } = withoutNetworkLinks(withDefaultOptimizer(changed.data));
  const checked = checkAgainst(experimentSchema, data);
  const problems: Problem[] = [...changed.problems, ...(checked.ok ? [] : checked.problems)];
  const ofRule: Problem[] = [];
  const file = checked.ok ? checked.value : soundBlocks(data);
  const graph = checkBlocks(file, silosOf(data), options, problems, ofRule);
  const folder = dirname(resolve(options.file));
  const overlay = graph?.overlay;
  const count = overlay?.nodes.length ?? silosOf(data);
  const links =
    networkLinks === undefined
      ? undefined
      : resolveNetworkLinks(networkLinks, folder, { count, overlay }, problems);
  if (problems.length > 0 || !checked.ok || graph === undefined)
    throw new ProblemsError(options.file, [...problems, ...ofRule]);
  const assembled = assemble(checked.value, graph, folder);
  const experiment = deepFreeze(links === undefined ? assembled : { ...assembled, links });
  if (ofRule.length > 0) throw new UnfitRuleError(options.file, ofRule, experiment);
  return experiment;
}

/** All is in order but that the rule cannot run on the graph, the carrier or the model; which others could is known from `experiment`. */
export class UnfitRuleError extends ProblemsError {
  readonly experiment: Experiment;

  constructor(file: string, problems: readonly Problem[], experiment: Experiment) {
    super(file, problems);
    this.name = 'UnfitRuleError';
    this.experiment = experiment;
  }
}

interface Graph extends ResolvedTopology {
  readonly weights: MixingSpec;
  readonly rule: ExchangeRule;
  readonly options: Readonly<Record<string, unknown>>;
  readonly faults: FaultSchedule | undefined;
}

/** The checks across blocks, as far as the blocks at hand allow; undefined where a problem stood in the way. `ofRule`: what it is not for. */
function checkBlocks(
  file: Partial<ExperimentFile>,
  silos: number | undefined,
  options: ParseOptions,
  problems: Problem[],
  ofRule: Problem[],
): Graph | undefined {
  if (file.data !== undefined) checkData(file.data, problems);
  if (file.train !== undefined) checkTraining(file.train, problems);
  checkToy(file, problems);
  checkAggregate(file, problems);
  if (file.stop !== undefined) checkStop(file.stop, file.data, problems);
  const found = resolveTopology(file.topology, silos, file.seed ?? 1, sourcesOf(options), problems);
  const ruled = file.exchange === undefined ? undefined : resolveRule(file.exchange, problems);
  if (ruled !== undefined) checkCarrier(ruled.rule, file, ofRule);
  if (ruled !== undefined) checkModelSize(ruled.rule, ruled.options, file, ofRule);
  if (
    silos === undefined &&
    found === undefined &&
    file.data !== undefined &&
    namesNoOverlay(file.topology)
  ) {
    problems.push({ path: 'data.silos', message: 'is missing; wanted the number of silos, such as 11' });
  }
  const faults = found === undefined ? undefined : resolveSchedule(file, found.overlay, problems);
  if (found === undefined || ruled === undefined) return undefined;
  checkWorld(file.links, file.simulate, found.overlay, problems);
  checkRuleOnOverlay(ruled.rule, ruled.options, found.overlay, ofRule);
  checkScheduleCarrier(found.overlay, file.exchange?.carrier, ofRule);
  const weights = resolveWeights(found.overlay, file.exchange?.weights, problems);
  return { ...found, ...ruled, weights, faults };
}

function assemble(file: ExperimentFile, graph: Graph, folder: string): Experiment {
  const { data, train, exchange } = file;
  const { rule, carrier, encoding, deadline } = exchange;
  const silos = graph.overlay.nodes.length;
  const { dataset, partition } = resolveToy(data, silos, file.seed);
  return {
    name: file.name,
    seed: file.seed,
    data: {
      dataset: withAbsolutePaths(dataset, folder),
      silos,
      partition: withAbsolutePaths(partition, folder),
      testShare: data.testShare,
    },
    model: withAbsolutePaths(file.model, folder),
    train: train.localSteps === undefined ? { ...train, localEpochs: train.localEpochs ?? 1 } : train,
    topology: graph.topology,
    overlay: graph.overlay,
    exchange: { rule, options: graph.options, weights: graph.weights, carrier, encoding, deadline },
    ...(file.aggregate === undefined ? {} : { aggregate: file.aggregate }),
    evaluate: file.evaluate,
    checkpoint: file.checkpoint,
    baselines: file.baselines,
    record: file.record,
    links: withoutUndefined(file.links) as LinksBlock,
    simulate: withoutUndefined({
      ...file.simulate,
      compute: withAbsoluteRun(withAbsolutePaths(file.simulate.compute, folder), folder),
    }) as SimulateBlock,
    ...(graph.faults === undefined ? {} : { faults: graph.faults }),
    stop: withoutUndefined(file.stop),
  };
}

/** Paths inside a block, made absolute, so that a resolved experiment can be run from anywhere. */
export function withAbsolutePaths<Block extends object>(block: Block, folder: string): Block {
  const names = ['path', 'testPath', 'images', 'labels', 'testImages', 'testLabels', 'file'];
  const entries = Object.entries(block).map(([key, value]) =>
    names.includes(key) && typeof value === 'string' ? [key, resolve(folder, value)] : [key, value],
  );
  return Object.fromEntries(entries) as Block;
}

/** Times are taken from a run whose directory is named. */
function withAbsoluteRun(compute: SimulateBlock['compute'], folder: string): SimulateBlock['compute'] {
  return compute.kind === 'run' ? { ...compute, from: resolve(folder, compute.from) } : compute;
}

/** The blocks of a faulty file that are in order by themselves, so that the other checks can still speak. */
function soundBlocks(data: unknown): Partial<ExperimentFile> {
  if (typeof data !== 'object' || data === null) return {};
  const blocks = Object.entries(experimentSchema.shape).flatMap(([key, schema]) => {
    const parsed = schema.safeParse((data as Record<string, unknown>)[key]);
    return parsed.success ? [[key, parsed.data]] : [];
  });
  return Object.fromEntries(blocks) as Partial<ExperimentFile>;
}

function silosOf(data: unknown): number | undefined {
  const silos = (data as { data?: { silos?: unknown } } | null)?.data?.silos;
  return Number.isSafeInteger(silos) && (silos as number) > 0 ? (silos as number) : undefined;
}

function namesNoOverlay(topology: unknown): boolean {
  if (typeof topology !== 'object' || topology === null) return true;
  return !['file', 'overlay', 'underlay'].some((key) => Object.hasOwn(topology, key));
}

function withDefaultOptimizer(data: unknown): unknown {
  const train = (data as { train?: unknown } | null)?.train;
  if (typeof train !== 'object' || train === null || Object.hasOwn(train, 'optimizer')) return data;
  return { ...(data as object), train: { optimizer: 'sgd', ...train } };
}

/** `links` by the name of a network is a block of its own: its keys and defaults are others. */
function withoutNetworkLinks(data: unknown): { data: unknown; networkLinks?: unknown } {
  const { links, ...rest } = (data ?? {}) as { links?: unknown };
  return namesNetwork(links) ? { data: rest, networkLinks: links } : { data };
}

function sourcesOf(options: ParseOptions): TopologySources {
  const { file, onProgress, designs } = options;
  const designing = { folder: dirname(resolve(file)), onProgress, designs };
  return { readText: overlayReader(options), designing };
}

function overlayReader({ file, readText }: ParseOptions): (path: string) => string {
  return (path) => {
    const beside = resolve(dirname(file), path);
    if (readText !== undefined) return readText(beside);
    const found = existsSync(beside) ? beside : resolve(path);
    return readDocumentFile(found, 'overlay file', overlayBytesMax);
  };
}

function withoutUndefined<Block extends object>(
  block: Block,
): { [Key in keyof Block]?: NonNullable<Block[Key]> } {
  return Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined)) as never;
}
