/**
 * Several designers on one network, side by side: each gets its share of the time that is left, what does not fit or
 * cannot finish is skipped with the reason, and every overlay that came out is judged alike.
 */
import { GrapevineError } from '../base/errors.ts';
import { overlayLowerBound } from './bounds/overlay-bound.ts';
import type { ConnectivityGraph } from './delays.ts';
import { type Design, type DesignProblem, designChance } from './designers/designer.ts';
import type { RegisteredDesigner } from './designers/registry.ts';
import { type Judgement, judge } from './judge.ts';

export interface CompareOptions {
  readonly seed: number;
  /** For all designers together, ms. */
  readonly limitMs: number;
  /** Milliseconds from an arbitrary start; a Clock's. */
  now(): number;
  progress?(line: string): void;
}

export interface ComparedDesign {
  readonly name: string;
  readonly design: Design;
  readonly judgement: Judgement;
}

export interface SkippedDesign {
  readonly name: string;
  /** Code of the error, such as `time-limit` or `label-shares-missing`. */
  readonly code: string;
  readonly reason: string;
}

export interface Comparison {
  /** Ms below which no static strong overlay can be, as far as the time allowed to prove. */
  readonly lowerBoundMs?: number;
  readonly designs: readonly ComparedDesign[];
  readonly skipped: readonly SkippedDesign[];
}

/** Of one designer's time; what is left is for judging. */
const designShare = 0.9;
/** Of a comparison's time; what is left is for finding out how overlays mix whose own time was too short for it. */
const designsShare = 0.85;
/** An overlay that came out is judged, as long as that takes no more time than this beyond the limit. */
const judgingMs = 600;

/** One overlay by one designer within its time, judged. Throws what the designer throws. */
export function designOne(
  problem: DesignProblem,
  designer: RegisteredDesigner,
  given: unknown,
  { seed, limitMs, now, progress = () => undefined }: CompareOptions,
): ComparedDesign {
  const startMs = now();
  const design = designer.design(problem, given, {
    random: designChance(seed),
    expired: (share = 1) => now() >= startMs + limitMs * designShare * share,
    progress,
  });
  const judgement = judge(problem.graph, design.overlay, design.timing, {
    seed,
    expired: () => now() >= startMs + limitMs,
    abandoned: () => now() >= startMs + limitMs + judgingMs,
  });
  return { name: designer.name, design, judgement };
}

type Outcome = ComparedDesign | SkippedDesign;

/**
 * All given designers with their usual options, in order. Who has patience for a long search comes last, when it is known
 * what the others leave of the time, and goes on from what they made.
 */
export function compareDesigns(
  problem: DesignProblem,
  designers: readonly RegisteredDesigner[],
  options: CompareOptions,
): Comparison {
  const startMs = options.now();
  const endMs = startMs + options.limitMs;
  const outcomes = inTurn(problem, designers, options, startMs + options.limitMs * designsShare);
  const inOrder = designers.flatMap((designer) => outcomes.get(designer) ?? []);
  const judged = inOrder
    .filter((outcome) => 'design' in outcome)
    .map((one) => judgedOn(problem, one, options, endMs));
  const skipped = inOrder.filter((outcome) => 'reason' in outcome);
  return { designs: judged, skipped, ...boundOf(problem.graph, judged, options.now, endMs) };
}

function inTurn(
  problem: DesignProblem,
  designers: readonly RegisteredDesigner[],
  options: CompareOptions,
  endMs: number,
): Map<RegisteredDesigner, Outcome> {
  const designed = new Map<string, Design>();
  const outcomes = new Map<RegisteredDesigner, Outcome>();
  const turns = designers.toSorted((one, other) => patienceOf(one) - patienceOf(other));
  turns.forEach((designer, turn) => {
    const { name } = designer;
    const leftMs = endMs - options.now();
    if (leftMs <= 0) {
      outcomes.set(designer, { name, code: 'time-limit', reason: 'no time left; allow more' });
      return;
    }
    options.progress?.(`${name} (${turn + 1} of ${designers.length})`);
    const limitMs = (leftMs * patienceOf(designer)) / patienceOfAll(turns.slice(turn));
    try {
      const compared = designOne({ ...problem, designed }, designer, {}, { ...options, limitMs });
      designed.set(name, compared.design);
      outcomes.set(designer, compared);
    } catch (error) {
      if (!(error instanceof GrapevineError)) throw error;
      outcomes.set(designer, { name, code: error.code, reason: error.message });
    }
  });
  return outcomes;
}

function patienceOf({ patience = 1 }: RegisteredDesigner): number {
  return patience;
}

function patienceOfAll(designers: readonly RegisteredDesigner[]): number {
  return designers.reduce((sum, designer) => sum + patienceOf(designer), 0);
}

/** Whose share of the time was too short to find out how it mixes has what all have left over. */
function judgedOn(
  { graph }: DesignProblem,
  compared: ComparedDesign,
  { seed, now, progress }: CompareOptions,
  endMs: number,
): ComparedDesign {
  const { name, design, judgement } = compared;
  const expired = () => now() >= endMs;
  if (judgement.mixingUnfinished !== true || expired()) return compared;
  progress?.(`how ${name} mixes`);
  return { name, design, judgement: judge(graph, design.overlay, design.timing, { seed, expired }) };
}

/**
 * The largest bound that a designer proved, or, where there is none, one that is proved now, until nothing more is to be
 * had or `endMs` is there: it holds for any overlay.
 */
export function boundOf(
  graph: ConnectivityGraph,
  designs: readonly ComparedDesign[],
  now: () => number,
  endMs: number,
): { lowerBoundMs?: number } {
  const proven = designs.flatMap(({ design }) => design.lowerBoundMs ?? []);
  if (proven.length > 0) return { lowerBoundMs: Math.max(...proven) };
  const times = designs.filter(isBounded).map(({ judgement }) => judgement.cycleTimeMs);
  if (graph.siloCount < 2 || times.length === 0) return {};
  const { lowerBoundMs } = overlayLowerBound(graph, Math.min(...times), { expired: () => now() >= endMs });
  return { lowerBoundMs };
}

/** True where the bound is about it: rounds over one static strong overlay, without stale models. */
function isBounded({ design, judgement }: Pick<ComparedDesign, 'design' | 'judgement'>): boolean {
  const isStatic = design.overlay.schedule === undefined;
  return isStatic && (judgement.timing === 'gossip' || judgement.timing === 'star');
}
