/**
 * What the blocks `topology` and `links` have in common where they name a network: its underlay, and the rates of what has no figure of
 * its own there. Delays and rates are those of the designer: src/topology/connectivity-graph.ts, Eq. 3.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { InputError, type Problem, ProblemsError } from '../base/errors.ts';
import { nearest } from '../base/schema-problems.ts';
import { type Conditions, publishedConditions } from '../topology/connectivity-graph.ts';
import { builtInUnderlays, openUnderlay } from '../topology/underlay/open.ts';
import { lengthKinds, type Underlay } from '../topology/underlay/underlay.ts';

const mbps = z.number().gt(0);
const bpsPerMbps = 1e6;

/** Defaults: the published setting, as in `grapevine design`. */
export const networkFields = {
  /** A built-in network, or a file in any format that `grapevine design` reads. */
  underlay: z.string().min(1),
  /** Of every silo, up and down; then each by itself. */
  accessMbps: mbps.default(publishedConditions.upBps / bpsPerMbps),
  accessUpMbps: mbps.optional(),
  accessDownMbps: mbps.optional(),
  /** Of every core link. */
  coreMbps: mbps.default(publishedConditions.coreBps / bpsPerMbps),
  lengths: z.enum(lengthKinds).default(publishedConditions.lengths),
};

const networkSchema = z.object(networkFields);
export type NetworkBlock = z.output<typeof networkSchema>;

/** The rates, bits per second. */
export function networkConditions(
  block: NetworkBlock,
): Pick<Conditions, 'upBps' | 'downBps' | 'coreBps' | 'lengths'> {
  const { accessMbps, accessUpMbps = accessMbps, accessDownMbps = accessMbps, coreMbps, lengths } = block;
  return {
    upBps: accessUpMbps * bpsPerMbps,
    downBps: accessDownMbps * bpsPerMbps,
    coreBps: coreMbps * bpsPerMbps,
    lengths,
  };
}

/** A built-in network keeps its name; a file's path is made absolute. */
export function withAbsoluteUnderlay<Block extends NetworkBlock>(block: Block, folder: string): Block {
  const { underlay } = block;
  const isBuiltIn = (builtInUnderlays as readonly string[]).includes(underlay.toLowerCase());
  return { ...block, underlay: isBuiltIn ? underlay.toLowerCase() : resolve(folder, underlay) };
}

/** Undefined after a problem, at `path`. `named`: the network as people wrote it. */
export function readUnderlay(
  { underlay }: NetworkBlock,
  named: string,
  path: string,
  problems: Problem[],
): Underlay | undefined {
  try {
    return openUnderlay(underlay);
  } catch (error) {
    if (error instanceof ProblemsError) {
      problems.push(...error.problems.map((problem) => ({ ...problem, path: `${path}: ${problem.path}` })));
      return undefined;
    }
    if (!(error instanceof InputError)) throw error;
    const near = nearest(named, builtInUnderlays);
    const suggestion = near === undefined ? {} : { suggestion: `did you mean ${near}?` };
    problems.push({ path, message: error.message, ...suggestion });
    return undefined;
  }
}

/** One silo of the experiment for each silo of the network. False after a problem. */
export function checkSiloCount(
  { name, silos }: Underlay,
  wanted: number | undefined,
  path: string,
  problems: Problem[],
): boolean {
  if (wanted === undefined || wanted === silos.length) return true;
  const message = `got ${name}, which has ${silos.length} silos, and the experiment has ${wanted}`;
  const suggestion = `set data.silos to ${silos.length}, or choose a network of ${wanted} silos`;
  problems.push({ path, message, suggestion });
  return false;
}
