/**
 * From what a file says to an underlay that can be used: every reader hands its nodes, links and silos here with the
 * place of each in its file, and gets back either an underlay or every problem at once.
 */
import { type Problem, ProblemsError } from '../../base/errors.ts';
import type { Measured, SiloSite, Underlay, UnderlayLink, UnderlayNode } from './underlay.ts';

export const nodesMax = 10_000;
const linksMax = 1_000_000;

/** Something with its place in the file, such as `links.3` or `line 12`. */
export type Placed<Value> = Value & { readonly at: string };

/** A link whose ends are still names. */
export interface NamedLink extends Omit<UnderlayLink, 'from' | 'to'> {
  readonly from: string;
  readonly to: string;
}

export interface UnderlayParts {
  readonly name: string;
  readonly source?: string;
  readonly notes?: readonly string[];
  readonly directed?: boolean;
  /** `id`: what links call it; its name where missing. */
  readonly nodes: readonly Placed<UnderlayNode & { readonly id?: string }>[];
  readonly links: readonly Placed<NamedLink>[];
  /** Missing: one at every node. */
  readonly silos?: readonly Placed<Omit<SiloSite, 'node'> & { readonly node: string }>[];
  readonly measured?: Measured;
}

/** Throws ProblemsError with every problem of the file. */
export function checkedUnderlay(parts: UnderlayParts, file: string): Underlay {
  const tooLarge = sizeProblems(parts);
  if (tooLarge.length > 0) throw new ProblemsError(file, tooLarge);
  const index = new Map(parts.nodes.map(({ id, name }, node) => [id ?? name, node]));
  const problems = [
    ...repeatedProblems(parts.nodes, 'node'),
    ...repeatedProblems(parts.silos ?? [], 'silo'),
    ...parts.nodes.flatMap(coordinateProblems),
    ...parts.links.flatMap((link) => linkProblems(link, parts, index)),
    ...(parts.silos ?? []).flatMap((silo) => siloProblems(silo, index)),
  ];
  if (problems.length > 0) throw new ProblemsError(file, problems);
  const underlay = assembled(parts, index);
  const apart = reachProblems(underlay);
  if (apart.length > 0) throw new ProblemsError(file, apart);
  return underlay;
}

function assembled(parts: UnderlayParts, index: ReadonlyMap<string, number>): Underlay {
  const notes = [...(parts.notes ?? [])];
  const links = parts.links.filter(({ from, to }) => from !== to);
  if (links.length < parts.links.length) notes.push(`${parts.links.length - links.length} loops left out`);
  return {
    name: parts.name,
    ...(parts.source === undefined ? {} : { source: parts.source }),
    notes,
    nodes: parts.nodes.map(({ at: _at, id: _id, ...node }) => node),
    links: links.map(({ at: _at, from, to, ...link }) => ({
      ...link,
      from: index.get(from)!,
      to: index.get(to)!,
    })),
    directed: parts.directed ?? false,
    silos:
      parts.silos?.map(({ at: _at, node, ...silo }) => ({ ...silo, node: index.get(node)! })) ??
      parts.nodes.map(({ name }, node) => ({ name, node })),
    ...(parts.measured === undefined ? {} : { measured: parts.measured }),
  };
}

function sizeProblems({ nodes, links, silos }: UnderlayParts): Problem[] {
  const problems: Problem[] = [];
  if (nodes.length === 0) problems.push({ path: 'nodes', message: 'there are none; wanted at least 1' });
  if (nodes.length > nodesMax) {
    problems.push({ path: 'nodes', message: `got ${nodes.length}, wanted at most ${nodesMax}` });
  }
  if (links.length > linksMax) {
    problems.push({ path: 'links', message: `got ${links.length}, wanted at most ${linksMax}` });
  }
  if (silos?.length === 0) problems.push({ path: 'silos', message: 'there are none; wanted at least 1' });
  if (silos !== undefined && silos.length > nodesMax) {
    problems.push({ path: 'silos', message: `got ${silos.length}, wanted at most ${nodesMax}` });
  }
  return problems;
}

function repeatedProblems(
  items: readonly Placed<{ readonly name: string; readonly id?: string }>[],
  what: string,
): Problem[] {
  const first = new Map<string, string>();
  const ids = new Set<string>();
  return items.flatMap(({ name, id, at }) => {
    if (id !== undefined && ids.has(id))
      return [{ path: at, message: `the ${what} id ${id} is taken already` }];
    if (id !== undefined) ids.add(id);
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, at);
    if (earlier === undefined) return [];
    return [
      { path: at, message: `the name ${name} is that of ${earlier} too; wanted a name for each ${what}` },
    ];
  });
}

function coordinateProblems({ at, latitude, longitude, name }: Placed<UnderlayNode>): Problem[] {
  if ((latitude === undefined) !== (longitude === undefined)) {
    return [{ path: at, message: `${name} has one coordinate only; wanted latitude and longitude, or none` }];
  }
  return [
    ...rangeProblem(`${at}.latitude`, latitude, -90, 90, 'degrees'),
    ...rangeProblem(`${at}.longitude`, longitude, -180, 180, 'degrees'),
  ];
}

function linkProblems(
  link: Placed<NamedLink>,
  { nodes }: UnderlayParts,
  index: ReadonlyMap<string, number>,
): Problem[] {
  const unknown = [link.from, link.to].filter((end) => !index.has(end));
  if (unknown.length > 0) {
    return unknown.map((end) => ({ path: link.at, message: `there is no node ${end}` }));
  }
  const problems = [
    ...rangeProblem(`${link.at} capacity`, link.capacityBps, Number.MIN_VALUE, Number.MAX_VALUE, 'bit/s'),
    ...rangeProblem(`${link.at} latency`, link.latencyMs, 0, 1e9, 'ms'),
    ...Object.entries(link.lengthKm ?? {}).flatMap(([kind, km]) =>
      rangeProblem(`${link.at} ${kind} length`, km, 0, 1e9, 'km'),
    ),
  ];
  const hasLength = link.latencyMs !== undefined || Object.keys(link.lengthKm ?? {}).length > 0;
  if (hasLength || link.from === link.to) return problems;
  const lost = [link.from, link.to].filter((end) => nodes[index.get(end)!]!.latitude === undefined);
  if (lost.length === 0) return problems;
  const message = `no length, no latency, and no coordinates of ${lost.join(' and ')} to compute it from`;
  return [...problems, { path: link.at, message, suggestion: 'give one of the three' }];
}

function siloProblems(
  silo: Placed<Omit<SiloSite, 'node'> & { readonly node: string }>,
  index: ReadonlyMap<string, number>,
): Problem[] {
  const missing = index.has(silo.node) ? [] : [{ path: silo.at, message: `there is no node ${silo.node}` }];
  return [
    ...missing,
    ...rangeProblem(`${silo.at}.upBps`, silo.upBps, Number.MIN_VALUE, Number.MAX_VALUE, 'bit/s'),
    ...rangeProblem(`${silo.at}.downBps`, silo.downBps, Number.MIN_VALUE, Number.MAX_VALUE, 'bit/s'),
    ...rangeProblem(`${silo.at}.computeMs`, silo.computeMs, 0, 1e12, 'ms'),
  ];
}

/** `least` of MIN_VALUE says: more than 0. */
function rangeProblem(
  path: string,
  value: number | undefined,
  least: number,
  most: number,
  unit: string,
): Problem[] {
  if (value === undefined || (value >= least && value <= most)) return [];
  const above = least === Number.MIN_VALUE ? 'more than 0' : `at least ${least}`;
  const bounds = most >= 1e9 ? above : `${least} to ${most}`;
  return [{ path, message: `got ${value}, wanted a finite number of ${unit}, ${bounds}` }];
}

/** Every silo must reach every other, over links in their direction. */
function reachProblems({ nodes, links, silos, directed, measured }: Underlay): Problem[] {
  if (measured !== undefined) return [];
  if (links.length === 0) {
    const lost = nodes.filter(({ latitude }) => latitude === undefined).map(({ name }) => name);
    if (lost.length === 0 || silos.length === 1) return [];
    const message = `there are no links, and ${lost.length} nodes have no coordinates, ${lost.slice(0, 5).join(', ')} first`;
    return [{ path: 'links', message, suggestion: 'give links, or the coordinates of every node' }];
  }
  const start = silos[0]!.node;
  const reversed = links.map(({ from, to }) => ({ from: to, to: from }));
  const ahead = reached(nodes.length, start, directed ? links : [...links, ...reversed]);
  const behind = directed ? reached(nodes.length, start, reversed) : ahead;
  const cut = silos.filter(({ node }) => !ahead.has(node) || !behind.has(node)).map(({ name }) => name);
  if (cut.length === 0) return [];
  const shown = `${cut.slice(0, 8).join(', ')}${cut.length > 8 ? `, … ${cut.length} in all` : ''}`;
  const message = `the network is not connected: from ${silos[0]!.name} there is no way to (or back from) ${shown}`;
  return [{ path: 'links', message, suggestion: 'add the missing links' }];
}

function reached(
  nodeCount: number,
  root: number,
  arcs: readonly Pick<UnderlayLink, 'from' | 'to'>[],
): Set<number> {
  const heads: number[][] = Array.from({ length: nodeCount }, () => []);
  for (const { from, to } of arcs) heads[from]!.push(to);
  const seen = new Set([root]);
  for (const node of seen) for (const head of heads[node]!) seen.add(head);
  return seen;
}
