/**
 * Which exchange rules fit an experiment: whether a rule can run on its graph and carrier, whether it tolerates what the experiment
 * says will go wrong (its faults, links that overtake, silos of unequal speed), and how well it serves its goal (rule-outlook.ts).
 */
import { present } from '../base/assert.ts';
import { exchangeRuleNames, findExchangeRule } from '../exchange/registry.ts';
import type { ExchangeRule, Tolerance } from '../exchange/rule.ts';
import type { Fault } from '../faults/fault.ts';
import { checkRuleOnOverlay, type Problems, paramsLengthOf } from './checks.ts';
import type { Experiment } from './experiment.ts';
import { advised, drawbacksOf, hasSpare, missetOf, type Outlook, outlookOf } from './rule-outlook.ts';

export interface RuleFit {
  readonly rule: string;
  readonly summary: string;
  /** It is the experiment's own. */
  readonly chosen: boolean;
  /** It runs, and tolerates all that the experiment says will go wrong, or its backups outlast it. */
  readonly fits: boolean;
  /** Why it does not run here, in words. */
  readonly problems: readonly string[];
  /** What it does not tolerate, and which part of the experiment brings that. */
  readonly notTolerated: readonly { readonly what: Tolerance; readonly from: readonly string[] }[];
  /** What it does badly here, in words, worst first. */
  readonly drawbacks: readonly string[];
  /** Those drawbacks that its options bring. */
  readonly misset: readonly string[];
  /** Which graphs and links it is not for at all. */
  readonly notFor: string;
}

type World = Pick<
  Experiment,
  'overlay' | 'exchange' | 'links' | 'simulate' | 'faults' | 'data' | 'model' | 'train' | 'stop'
>;

type Options = Readonly<Record<string, unknown>>;

/** The slowest silo's time over the fastest's from which one waits for the other. */
const STRAGGLER_RATIO_MIN = 3;
/** exp(σ · N(0, 1)) of a few silos spreads as far. */
const STRAGGLER_SIGMA_MIN = 0.5;

/** One per rule, in the order of the registry. */
export function ruleFits(world: World): RuleFit[] {
  const needs = needsOf(world);
  const outlook = outlookOf(world, paramsLengthOf(world));
  return exchangeRuleNames.map((name) => {
    const rule = present(findExchangeRule(name, world.exchange.encoding), `rule ${name}`);
    const options = optionsOf(name, rule, world);
    const problems = problemsOf(rule, options, world);
    const notTolerated = [...needs]
      .filter(([what]) => !rule.tolerates.includes(what))
      .map(([what, from]) => ({ what, from: [...from] }));
    const { summary, notFor } = rule;
    const spared = sparedByBackups(options, outlook);
    const isSpared = notTolerated.length > 0 && notTolerated.every(({ what }) => spared.includes(what));
    const fits = problems.length === 0 && (notTolerated.length === 0 || isSpared);
    const limit = `backups: ${options.backups} go on without so many neighbours a round; more that are lost or slow cost a deadline`;
    return {
      rule: name,
      summary,
      chosen: name === world.exchange.rule,
      fits,
      problems,
      notTolerated,
      drawbacks: [...(isSpared ? [limit] : []), ...drawbacksOf(name, options, outlook)],
      misset: missetOf(name, options, outlook),
      notFor,
    };
  });
}

/** A round that some may miss outlasts what they lose. */
function sparedByBackups(options: Options, outlook: Outlook): Tolerance[] {
  return hasSpare(options, outlook) ? ['loss', 'straggler'] : [];
}

/** The rule that this experiment is best served with, and why; undefined where each has a drawback. */
export function advisedRule(world: World): { readonly rule: string; readonly why: string } | undefined {
  return advised(ruleFits(world), outlookOf(world));
}

/** One sentence where the experiment's faults are more than its rule tolerates, one for each option that does not go with it. */
export function ruleWarnings(world: World): string[] {
  const fits = ruleFits(world);
  const chosen = fits.find((fit) => fit.chosen);
  if (chosen === undefined) return [];
  const misset = chosen.misset.map((one) => `rule ${chosen.rule}: ${one}`);
  if (chosen.fits || chosen.notTolerated.length === 0) return misset;
  const others = fits.flatMap(({ rule, fits: fitting }) => (fitting ? [rule] : []));
  const advice = others.length === 0 ? '' : `; ${others.join(', ')} would go on`;
  return [
    `rule ${chosen.rule} does not tolerate ${describeNeeds(chosen)}: expect rounds as long as their deadlines${advice}`,
    ...misset,
  ];
}

/** `loss (faults: loss, corrupt)`, and so on. */
export function describeNeeds({ notTolerated }: RuleFit): string {
  return notTolerated.map(({ what, from }) => `${what} (${from.join(', ')})`).join(', ');
}

function problemsOf(rule: ExchangeRule, options: Options, { exchange, overlay }: World): string[] {
  const problems: Problems = [];
  checkRuleOnOverlay(rule, options, overlay, problems);
  const messages = problems.map(({ message }) => message);
  if (exchange.carrier === 'gossip' && !rule.broadcast)
    messages.push('carrier gossip publishes to all neighbours, and this rule sends to one at a time');
  return messages;
}

/** The experiment's own, of another rule its defaults. */
function optionsOf(name: string, rule: ExchangeRule, { exchange }: Pick<World, 'exchange'>): Options {
  if (name === exchange.rule) return exchange.options;
  const parsed = rule.parse({});
  return parsed.ok ? parsed.options : {};
}

function needsOf({ faults, links, simulate }: World): Map<Tolerance, Set<string>> {
  const needs = new Map<Tolerance, Set<string>>();
  const need = (what: Tolerance, from: string): void => {
    needs.set(what, (needs.get(what) ?? new Set()).add(from));
  };
  for (const fault of faults?.faults ?? [])
    for (const what of neededFor(fault)) need(what, `fault ${fault.kind}`);
  if (links.jitter > 0) need('reordering', 'links.jitter');
  const { slowness } = simulate;
  const isUneven = Array.isArray(slowness)
    ? Math.max(...slowness) >= STRAGGLER_RATIO_MIN * Math.min(...slowness)
    : slowness !== undefined && slowness.sigma >= STRAGGLER_SIGMA_MIN;
  if (isUneven) need('straggler', 'simulate.slowness');
  return needs;
}

function neededFor(fault: Fault): readonly Tolerance[] {
  switch (fault.kind) {
    case 'loss':
    case 'corrupt':
      return ['loss'];
    case 'partition':
      return fault.silent ? ['loss'] : ['crash'];
    case 'duplicate':
      return ['duplication'];
    case 'reorder':
      return ['reordering'];
    case 'delay':
      return (fault.jitterMs ?? 0) > 0 ? ['reordering'] : [];
    case 'slow':
      return fault.factor >= STRAGGLER_RATIO_MIN ? ['straggler'] : [];
    case 'crash':
    case 'pause':
    case 'join':
    case 'leave':
    case 'availability':
      return ['crash'];
    case 'bandwidth':
    case 'clock':
      return [];
  }
}
