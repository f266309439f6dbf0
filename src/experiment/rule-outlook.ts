/**
 * What each exchange rule does badly in an experiment in which it can run, and which rule is advised. Comparisons of rules belong to none of
 * them, so they stand here together; the bounds come from what docs/FIGURES.md measures. A rule that is not named here has no drawback.
 */
import { parseCompressor } from '../compress/index.ts';
import { gammaBounds } from '../exchange/choco-gamma.ts';
import type { Fault } from '../faults/fault.ts';
import { diameterBound } from '../topology/connectivity.ts';
import { inNeighbours, outNeighbours } from '../topology/overlay.ts';
import type { Experiment } from './experiment.ts';

/** What an experiment's graph, links and goal are, as far as it says so. */
export interface Outlook {
  /** Hops between those furthest apart, or a bound from above. */
  readonly hops: number;
  /** In-neighbours of the silo with fewest. */
  readonly degreeMin: number;
  /** The greatest probability with which a message is lost, 0 to 1. */
  readonly lossMax: number;
  /** Whether faults may leave somebody out of a round. */
  readonly disturbed: boolean;
  /** Params of the model; undefined where the experiment alone does not tell. */
  readonly length: number | undefined;
  /** There are no local updates: the goal is the exact mean of the first params. */
  readonly averagesOnly: boolean;
  /** Rounds at most; infinite where the run does not end by them. */
  readonly rounds: number;
  /** Time of one model, as params travel (f32 or encoded), on the narrowest link or access over that of a round's updates; 0 where either is not known. */
  readonly modelShare: number;
  /** The same of a model to each out-neighbour. */
  readonly roundShare: number;
  /** And of a running sum to each: f64, or rounded and now and then repeated. */
  readonly sumsShare: number;
  /** Bits of such a model per param. */
  readonly bitsPerParam: number;
}

type World = Pick<Experiment, 'overlay' | 'exchange' | 'train' | 'stop' | 'links' | 'simulate' | 'faults'>;
type Options = Readonly<Record<string, unknown>>;
type Drawbacks = (outlook: Outlook, options: Options) => readonly (string | false)[];

/** A push to one neighbour a cycle is noticeably slower than other rules on a ring of 12 or more. */
const FAR_HOPS = 6;
/** Lost messages from which on a pair exchange mostly waits. */
const LOSS_MANY = 0.1;
/** Too few for what a compressed change leaves out to come in later ones. */
const ROUNDS_FEW = 20;
const LOSES_LITTLE: readonly string[] = ['identity', 'fp16', 'int8'];

export function outlookOf(world: World, length?: number): Outlook {
  const { overlay, exchange, train, stop, faults } = world;
  const all = faults?.faults ?? [];
  const shareOf = (models: number) => transferShareOf(world, models, length);
  const roundShare = shareOf(Math.max(...outNeighbours(overlay).map(({ length: degree }) => degree)));
  return {
    hops: diameterBound(overlay).hops,
    degreeMin: Math.min(...inNeighbours(overlay).map(({ length: degree }) => degree)),
    lossMax: Math.max(0, ...all.map(lossOf)),
    disturbed: all.some((fault) => lossOf(fault) > 0 || LEAVES_OUT.includes(fault.kind)),
    length,
    averagesOnly: train.localSteps === 0,
    rounds: stop.rounds ?? Number.POSITIVE_INFINITY,
    modelShare: shareOf(1),
    bitsPerParam: BITS[exchange.encoding],
    roundShare,
    sumsShare: SUM_MODELS[world.exchange.encoding] * roundShare,
  };
}

const LEAVES_OUT: readonly string[] = ['partition', 'crash', 'pause', 'join', 'leave', 'availability'];

function lossOf(fault: Fault): number {
  return fault.kind === 'loss' || fault.kind === 'corrupt' ? fault.probability : 0;
}

/** Bytes of a running sum over those of a model in the same encoding; measured. */
const SUM_MODELS = { raw: 2, fp16: 1.7, int8: 2.3 } as const;
const BITS = { raw: 32, fp16: 16, int8: 8 } as const;

/** Of so many models in a round, one to a neighbour. */
function transferShareOf(
  { exchange, train, links, simulate }: World,
  models: number,
  length: number | undefined,
): number {
  const { compute } = simulate;
  if (length === undefined || 'underlay' in links || compute.kind !== 'constant') return 0;
  const updates = compute.per === 'round' ? 1 : train.localSteps;
  if (updates === undefined || updates * compute.time === 0) return 0;
  const access = [links.upMbps, links.downMbps].flatMap((one) => one ?? []).map((mbps) => mbps / models);
  const narrowest = Math.min(links.linkMbps ?? Number.POSITIVE_INFINITY, ...access);
  return (length * BITS[exchange.encoding]) / (narrowest * 1_000) / (updates * compute.time);
}

const MOVES_MEAN =
  'moves the mean where somebody is left out, and this experiment only averages; push-sum stays exact';
const BIASED = 'ends at a biased mean, and this experiment only averages; push-sum is exact';

/** Of how many neighbours one may be left out each round; of fewer, see `leavesOutMany`. */
const NEIGHBOURS_PER_BACKUP = 3;

/** Whether it is rarely the same neighbours that backups leave out: on a ring it is, and the models drift apart. */
export function hasSpare({ backups }: Options, { degreeMin }: Outlook): boolean {
  return typeof backups === 'number' && backups > 0 && NEIGHBOURS_PER_BACKUP * backups < degreeMin;
}

function leavesOutMany(options: Options, outlook: Outlook): string | false {
  const { backups } = options;
  if (typeof backups !== 'number' || backups === 0 || hasSpare(options, outlook)) return false;
  const { degreeMin } = outlook;
  const most = Math.ceil(degreeMin / NEIGHBOURS_PER_BACKUP) - 1;
  const wanted = most === 0 ? '0' : `at most ${most}`;
  return `backups: ${backups} leave out ${backups} of ${degreeMin} neighbours, where times are steady the same each round: the graph falls apart; wanted ${wanted} here`;
}

/** What a rule's options do badly in this experiment, worst first: mistakes more likely than choices, so runs warn of them. */
const MISSET: Readonly<Record<string, Drawbacks>> = {
  dpsgd: (outlook, options) => [leavesOutMany(options, outlook)],
  choco: (outlook, options) => [stepsTooFar(options, outlook)],
};

function stepsTooFar({ compressor, gamma }: Options, { length }: Outlook): string | false {
  if (length === undefined || typeof gamma !== 'number') return false;
  const bounds = gammaBounds(compressor, length);
  if (bounds === undefined || gamma <= bounds.most) return false;
  return `gamma ${gamma} is more than its compressor bears with ${length} params: above some ${Number(bounds.most.toPrecision(2))} the public copies run away; set gamma to ${Number(bounds.usual.toPrecision(2))}, or leave it out`;
}

const DRAWBACKS: Readonly<Record<string, Drawbacks>> = {
  dpsgd: ({ averagesOnly, disturbed, roundShare }) => [
    averagesOnly && disturbed && MOVES_MEAN,
    slowToSend(roundShare),
  ],
  choco: ({ averagesOnly, disturbed, rounds, ...outlook }, { compressor }) => [
    averagesOnly && disturbed && MOVES_MEAN,
    slowToSend(
      outlook.roundShare * compressedShare(compressor, outlook),
      'a compressor that keeps less, or more local updates a round, sends less',
    ),
    rounds < ROUNDS_FEW &&
      losesMuch(compressor) &&
      `${rounds} rounds are few: what a compressed change leaves out comes in later ones`,
  ],
  pairwise: ({ averagesOnly, disturbed, lossMax, modelShare }) => [
    lossMax >= LOSS_MANY &&
      `up to ${Math.round(100 * lossMax)} % of messages are lost, and each makes an exchange wait`,
    averagesOnly && disturbed && MOVES_MEAN,
    slowToSend(modelShare),
  ],
  'gossip-learning': ({ averagesOnly, hops, modelShare }, { mode, sends, parts }) => [
    averagesOnly && BIASED,
    mode === 'push' &&
      hops >= FAR_HOPS &&
      `news walks a hop a cycle, and it is ${hops} hops from end to end: mode push-pull, pairwise or receive-merge is sooner`,
    slowToSend((modelShare * (sends as number)) / (parts as number)),
  ],
  'receive-merge': ({ averagesOnly, roundShare }) => [averagesOnly && BIASED, slowToSend(roundShare)],
  'push-sum': ({ sumsShare, lossMax }, { variant }) => [
    variant === 'plain' && lossMax > 0 && 'variant plain loses mass with each lost message; robust does not',
    slowToSend(sumsShare),
  ],
};

/** Bytes of a change over those of a model as it travels otherwise. */
function compressedShare(
  compressor: unknown,
  { length, bitsPerParam }: Pick<Outlook, 'length' | 'bitsPerParam'>,
): number {
  const parsed = parseCompressor(compressor);
  if (!parsed.ok || length === undefined) return 1;
  return (8 * parsed.codec.bytesOf(length, 'f32').bytesMax) / (length * bitsPerParam);
}

function slowToSend(share: number, less = 'choco, or encoding int8, sends less'): string | false {
  if (share <= 1) return false;
  const times = share < 10 ? share.toFixed(1) : Math.round(share);
  return `what it sends in a round takes ${times} times as long as the round's updates: ${less}`;
}

function losesMuch(compressor: unknown): boolean {
  const parsed = parseCompressor(compressor);
  return !(parsed.ok && LOSES_LITTLE.includes(parsed.spec.kind));
}

/** In words, worst first. */
export function drawbacksOf(rule: string, options: Options, outlook: Outlook): string[] {
  return [...missetOf(rule, options, outlook), ...said(DRAWBACKS[rule]?.(outlook, options))];
}

/** Those drawbacks that the options bring, not the rule. */
export function missetOf(rule: string, options: Options, outlook: Outlook): string[] {
  return said(MISSET[rule]?.(outlook, options));
}

function said(drawbacks: ReturnType<Drawbacks> = []): string[] {
  return drawbacks.filter((one) => one !== false);
}

/** The order in which rules are advised where they fit: each has something that the next ones have not. */
const PREFERRED = ['dpsgd', 'pairwise', 'receive-merge', 'gossip-learning', 'push-sum', 'choco'];
const PREFERRED_TO_AVERAGE = ['dpsgd', 'push-sum'];
const GOOD_FOR: Readonly<Record<string, string>> = {
  dpsgd: 'every round with everybody, the same numbers each time',
  pairwise: 'waits for one neighbour only, and whole exchanges keep the mean',
  'receive-merge': 'waits for nobody, and learns under any loss',
  'gossip-learning': 'waits for nobody, and sends one message a round',
  'push-sum': 'exact whatever is lost',
  choco: 'a tenth of the bytes and less',
};

interface Judged {
  readonly rule: string;
  readonly fits: boolean;
  readonly drawbacks: readonly string[];
}

/** The first that fits without a drawback, and what it is good for; undefined where each has one. */
export function advised(
  fits: readonly Judged[],
  { averagesOnly }: Outlook,
): { rule: string; why: string } | undefined {
  const good = (name: string) =>
    fits.some(({ rule, fits: fit, drawbacks }) => rule === name && fit && drawbacks.length === 0);
  const rule = (averagesOnly ? PREFERRED_TO_AVERAGE : PREFERRED).find(good);
  return rule === undefined ? undefined : { rule, why: GOOD_FOR[rule] ?? '' };
}
