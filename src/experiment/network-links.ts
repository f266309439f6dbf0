/**
 * `links: {underlay, …}`: what messages meet between silos taken from a network, with the delays and rates of Eq. 3 (topology/delays.ts),
 * so that a simulated round takes what the designer says. Access links are shared first in, first out, where Eq. 3 has equal shares.
 */
import { z } from 'zod';
import { checkAgainst } from '../base/document.ts';
import { type Problem, ProblemsError } from '../base/errors.ts';
import { time } from '../faults/durations.ts';
import { connectivityGraph } from '../topology/connectivity-graph.ts';
import type { ConnectivityGraph } from '../topology/delays.ts';
import type { Overlay } from '../topology/overlay.ts';
import { matchedSilos } from '../topology/silos-by-name.ts';
import { openUnderlay } from '../topology/underlay/open.ts';
import type { Underlay } from '../topology/underlay/underlay.ts';
import {
  checkSiloCount,
  networkConditions,
  networkFields,
  readUnderlay,
  withAbsoluteUnderlay,
} from './network.ts';

const networkLinksSchema = z.strictObject({
  ...networkFields,
  /** Delays times this, rates divided by it: a network so many times slower. */
  dilation: z.number().gt(0).default(1),
  jitter: time().default(0),
  queueMB: z.number().gt(0).optional(),
});

/** The underlay's path is absolute. */
export type NetworkLinks = z.output<typeof networkLinksSchema>;

export function namesNetwork(block: unknown): boolean {
  return typeof block === 'object' && block !== null && Object.hasOwn(block, 'underlay');
}

/** Undefined after a problem. `silos`: of the experiment, where they are known. */
export function resolveNetworkLinks(
  block: unknown,
  folder: string,
  silos: { readonly count: number | undefined; readonly overlay: Overlay | undefined },
  problems: Problem[],
): NetworkLinks | undefined {
  const checked = checkAgainst(networkLinksSchema, block, ['links']);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return undefined;
  }
  const links = withAbsoluteUnderlay(checked.value, folder);
  const path = 'links.underlay';
  const underlay = readUnderlay(links, checked.value.underlay, path, problems);
  if (underlay === undefined || !checkSiloCount(underlay, silos.count, path, problems)) return undefined;
  if (silos.overlay !== undefined) checkNames(silos.overlay, underlay, problems);
  return links;
}

/** The nodes of an overlay that are named are silos of the network. */
function checkNames(overlay: Overlay, { name, silos }: Underlay, problems: Problem[]): void {
  try {
    matchedSilos(overlay, { file: 'topology', network: name, silos: silos.map((silo) => silo.name) });
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    problems.push(...error.problems.map((problem) => ({ ...problem, path: `topology: ${problem.path}` })));
  }
}

/** Latencies and rates of the network, not dilated. Errors as openUnderlay and connectivityGraph. */
export function networkGraph(links: NetworkLinks): ConnectivityGraph {
  const workload = { modelBits: 1, computeMs: 0 };
  const conditions = { ...networkConditions(links), workload, localSteps: 1, sharedCore: false };
  return connectivityGraph(openUnderlay(links.underlay), conditions);
}
