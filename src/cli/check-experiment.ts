/** What an experiment comes to: its resolved file, facts of its graph, and what each silo holds. */
import { present } from '../base/assert.ts';
import { swarmData } from '../compose.ts';
import { siloWarnings } from '../data/index.ts';
import {
  advisedRule,
  describeNeeds,
  describeWorld,
  type Experiment,
  experimentDigest,
  experimentWarnings,
  faultCounts,
  type RuleFit,
  resolveExperiment,
  ruleFits,
  UnfitRuleError,
} from '../experiment/index.ts';
import { type Column, formatTable } from '../report/index.ts';
import { fastestMeanMs } from '../simulate/order-statistics.ts';
import { diameterBound, maxDegree, mixingMatrices, outNeighbours, periodGap } from '../topology/index.ts';
import { readExperiment } from './designing.ts';
import type { Session } from './session.ts';
import { grapevineVersion } from './version.ts';

interface GraphFacts {
  readonly name: string;
  readonly directed: boolean;
  readonly nodes: number;
  /** Undirected edges, or arcs of a digraph. */
  readonly links: number;
  /** Always true: a graph that is not connected is refused. */
  readonly connected: true;
  readonly degreeMin: number;
  readonly degreeMax: number;
  /** In hops; above 2,000 silos no more than a bound from above. */
  readonly diameter: number;
  readonly diameterExact: boolean;
  readonly spectralGap: number;
}

export interface SiloFacts {
  readonly name: string;
  readonly samples: number;
  readonly testSamples: number;
  /** Training samples per class. */
  readonly labelHistogram: readonly number[];
}

export async function checkExperiment(session: Session, path: string): Promise<undefined> {
  const experiment = await readExperiment(session, path, session.overrides).catch((error: unknown) => {
    if (error instanceof UnfitRuleError) sayWhichFit(session, error.experiment);
    throw error;
  });
  const graph = graphFacts(experiment);
  const rules = ruleFits(experiment);
  const advice = advisedRule(experiment);
  const { silos, classNames, notes, warnings: ofData } = await dataFacts(experiment);
  const warnings = [...experimentWarnings(experiment), ...ofData];
  const resolved = resolveExperiment(experiment, { grapevine: grapevineVersion() });
  for (const warning of warnings) session.warn(warning);
  session.answer(
    {
      path,
      kind: 'experiment',
      digest: experimentDigest(experiment),
      experiment,
      graph,
      rules,
      ...(advice === undefined ? {} : { advised: advice }),
      faults: experiment.faults === undefined ? {} : faultCounts(experiment.faults),
      silos,
      classNames,
      notes,
      warnings,
    },
    [
      resolved,
      describeGraph(graph),
      ...describeWorld(experiment),
      ...describeWaiting(experiment),
      '',
      describeRules(rules),
      describeAdvice(rules, advice),
      '',
      describeSilos(silos, classNames),
      ...notes.map((note) => `note: ${note}`),
      '',
      `${path}: fine`,
    ].join('\n'),
  );
  return undefined;
}

/** For whom has chosen a rule that cannot run: who could. */
function sayWhichFit(session: Session, experiment: Experiment): void {
  const rules = ruleFits(experiment);
  const graph = describeGraph(graphFacts(experiment));
  session.say(
    [graph, '', describeRules(rules), describeAdvice(rules, advisedRule(experiment)), ''].join('\n'),
  );
}

function graphFacts({ overlay, exchange }: Experiment): GraphFacts {
  const degrees = outNeighbours(overlay).map((list) => list.length);
  const { hops, exact } = diameterBound(overlay);
  return {
    name: overlay.name,
    directed: overlay.directed,
    nodes: overlay.nodes.length,
    links: overlay.directed ? overlay.arcs.length : overlay.arcs.length / 2,
    connected: true,
    degreeMin: Math.min(...degrees),
    degreeMax: maxDegree(overlay),
    diameter: hops,
    diameterExact: exact,
    spectralGap: periodGap(mixingMatrices(overlay, exchange.weights)),
  };
}

async function dataFacts(experiment: Experiment) {
  const { plan, descriptions, classNames, notes } = await swarmData(experiment);
  const warnings: string[] = [];
  const silos = plan.silos.map(({ name, test }, silo): SiloFacts => {
    const description = present(descriptions[silo], `description of ${name}`);
    warnings.push(...siloWarnings(name, description, classNames));
    const { samples, labelHistogram } = description;
    return { name, samples, testSamples: test.length, labelHistogram };
  });
  return { silos, classNames, notes, warnings };
}

function describeGraph(graph: GraphFacts): string {
  const { name, nodes, links, directed, degreeMin, degreeMax } = graph;
  const degree = degreeMin === degreeMax ? `degree ${degreeMax}` : `degree ${degreeMin} to ${degreeMax}`;
  return [
    `graph: ${name}, ${nodes} silos, ${links} ${directed ? 'arcs' : 'edges'}, connected, ${degree}, diameter ${graph.diameterExact ? '' : 'at most '}${graph.diameter}`,
    `spectral gap: ${graph.spectralGap.toPrecision(4)} (1: one round gives the exact mean; near 0: slow to agree)`,
  ].join('\n');
}

/** Where everybody waits for everybody and times are drawn: how long that is, and what backup workers would save. */
function describeWaiting({ overlay, exchange, simulate: { compute } }: Experiment): string[] {
  const count = overlay.nodes.length;
  const isComplete = overlay.arcs.length === count * (count - 1);
  if (!isComplete || count < 3 || exchange.rule !== 'dpsgd') return [];
  if (compute.kind !== 'exponential' && compute.kind !== 'uniform') return [];
  const model =
    compute.kind === 'exponential'
      ? { kind: compute.kind, meanMs: compute.mean, shiftMs: compute.shift }
      : { kind: compute.kind, fromMs: compute.from, toMs: compute.to };
  const spare = count <= 4 ? 1 : Math.floor(count / 4);
  const backups = (exchange.options.backups as number) || spare;
  const mean = fastestMeanMs(model, 1, 1);
  const times = (waited: number) => ((fastestMeanMs(model, count, waited) ?? 0) / (mean ?? 1)).toFixed(2);
  return [
    `waiting: a round takes ${times(count)} times as long as one silo's updates in the mean; without the slowest ${backups} (backups: ${backups}) ${times(count - backups)} times`,
  ];
}

/** Which rules fit this graph, these links and this goal; and where one does, what it is not for. */
function describeRules(rules: readonly RuleFit[]): string {
  return formatTable({
    columns: [{ title: 'rule' }, { title: 'fits' }, { title: 'why not, or what it is not for' }],
    rows: rules.map((fit) => [
      fit.chosen ? `${fit.rule} (chosen)` : fit.rule,
      verdictOn(fit),
      fit.problems[0] ?? reservationOf(fit),
    ]),
  });
}

function reservationOf(fit: RuleFit): string {
  if (!fit.fits) return `does not tolerate ${describeNeeds(fit)}`;
  return fit.drawbacks[0] ?? `not for ${fit.notFor}`;
}

function verdictOn({ fits, problems, drawbacks }: RuleFit): string {
  if (!fits) return problems.length > 0 ? 'no' : 'badly';
  return drawbacks.length > 0 ? 'poorly' : 'yes';
}

function describeAdvice(rules: readonly RuleFit[], advice: ReturnType<typeof advisedRule>): string {
  if (advice === undefined) return 'advised: none without a drawback; docs/RULES.md weighs them';
  const isChosen = rules.some(({ rule, chosen }) => chosen && rule === advice.rule);
  return `advised: ${advice.rule}${isChosen ? ', as chosen' : ''} (${advice.why}); docs/RULES.md weighs them all`;
}

/** One row per silo: its size, what it holds out, and how many training samples it has of each class. */
export function describeSilos(silos: readonly SiloFacts[], classNames: readonly string[]): string {
  const right = (title: string): Column => ({ title, align: 'right' });
  return formatTable({
    columns: [{ title: 'silo' }, right('train'), right('test'), ...classNames.map(right)],
    rows: silos.map(({ name, samples, testSamples, labelHistogram }) =>
      [name, samples, testSamples, ...labelHistogram].map(String),
    ),
  });
}
