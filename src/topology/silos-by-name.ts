/**
 * Which silo of a network each node of an overlay file is: the one of its name. Names that nobody gave (a file with a count
 * of nodes, `silo-0` …) go by position.
 */
import { type Problem, ProblemsError } from '../base/errors.ts';
import { nearest } from '../base/schema-problems.ts';
import { type Overlay, siloNames } from './overlay.ts';

/** Where the overlay is from, and the network that it is to lie on. */
export interface SiloMatch {
  readonly file: string;
  readonly network: string;
  /** Names of the network's silos, in their order. */
  readonly silos: readonly string[];
}

export interface MatchedOverlay {
  /** With a placement where its nodes are not the silos in their order. */
  readonly overlay: Overlay;
  readonly by: 'name' | 'position';
}

/** Throws ProblemsError with every name of a node that no silo has, and every silo that no node names. */
export function matchedSilos(overlay: Overlay, match: SiloMatch): MatchedOverlay {
  const { nodes, placement } = overlay;
  const { silos } = match;
  const siloOf = new Map(silos.map((name, silo) => [name, silo]));
  if (!nodes.every((name) => siloOf.has(name))) {
    const unnamed = siloNames(nodes.length);
    if (nodes.every((name, node) => name === unnamed[node])) return { overlay, by: 'position' };
  }
  const problems = nameProblems(nodes, match);
  if (problems.length > 0) throw new ProblemsError(match.file, problems);
  const sites = nodes.map((_, node) => siloOf.get(nodes[placement?.[node] ?? node]!)!);
  const moves = sites.some((site, node) => site !== (placement?.[node] ?? node));
  return { overlay: moves ? { ...overlay, placement: sites } : overlay, by: 'name' };
}

/** Names are unique: an overlay file and a network each see to that. */
function nameProblems(nodes: readonly string[], { network, silos }: SiloMatch): Problem[] {
  const known = new Set(silos);
  const unknown = nodes.flatMap((name, node): Problem[] => {
    if (known.has(name)) return [];
    const near = nearest(name, silos);
    const suggestion = near === undefined ? {} : { suggestion: `did you mean ${near}?` };
    return [{ path: `nodes.${node}`, message: `${name} is no silo of ${network}`, ...suggestion }];
  });
  const named = new Set(nodes);
  const missing = silos.filter((name) => !named.has(name));
  if (missing.length > 0) {
    const shown = missing.slice(0, shownMax).join(', ');
    const more = missing.length > shownMax ? ` and ${missing.length - shownMax} more` : '';
    const message = `no node for ${missing.length} of the ${silos.length} silos of ${network}: ${shown}${more}`;
    unknown.push({ path: 'nodes', message });
  }
  const suggestion = `name each silo once, or write nodes: ${silos.length} to go by position`;
  const last = unknown.at(-1);
  return last === undefined ? [] : [...unknown.slice(0, -1), { suggestion, ...last }];
}

const shownMax = 5;
