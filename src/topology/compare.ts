/**
 * Several designers on one network, side by side: each gets its share of the time that is left, what does not fit or
 * cannot finish is skipped with the reason, and every overlay that came out is judged alike.
 */
import { GrapevineError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { Design, DesignProblem } from './designers/designer.ts';
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
  readonly designs: readonly ComparedDesign[];
  readonly skipped: readonly SkippedDesign[];
}

/** What is left of the time is for judging. */
const designShare = 0.9;

/** One overlay by one designer within its time, judged. Throws what the designer throws. */
export function designOne(
  problem: DesignProblem,
  designer: RegisteredDesigner,
  given: unknown,
  { seed, limitMs, now, progress = () => undefined }: CompareOptions,
): ComparedDesign {
  const startMs = now();
  const expired = () => now() >= startMs + limitMs;
  const design = designer.design(problem, given, {
    random: (...path) => Random.of(seed, 'design', designer.name, ...path),
    expired: () => now() >= startMs + limitMs * designShare,
    progress,
  });
  const judgement = judge(problem.graph, design.overlay, design.timing, { seed, expired });
  return { name: designer.name, design, judgement };
}

/** All given designers with their usual options, in order. */
export function compareDesigns(
  problem: DesignProblem,
  designers: readonly RegisteredDesigner[],
  options: CompareOptions,
): Comparison {
  const endMs = options.now() + options.limitMs;
  const designs: ComparedDesign[] = [];
  const skipped: SkippedDesign[] = [];
  designers.forEach((designer, index) => {
    const leftMs = endMs - options.now();
    if (leftMs <= 0) {
      skipped.push({ name: designer.name, code: 'time-limit', reason: 'no time left; allow more' });
      return;
    }
    options.progress?.(`${designer.name} (${index + 1} of ${designers.length})`);
    try {
      const limitMs = leftMs / (designers.length - index);
      designs.push(designOne(problem, designer, {}, { ...options, limitMs }));
    } catch (error) {
      if (!(error instanceof GrapevineError)) throw error;
      skipped.push({ name: designer.name, code: error.code, reason: error.message });
    }
  });
  return { designs, skipped };
}
