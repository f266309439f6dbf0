/**
 * Overlay files: YAML or JSON `{name, source?, directed, nodes: [names] | count, arcs: [[i, j], …],
 * weights?: [[i, j, w], …], schedule?: [arcs of each phase], scheduleWeights?: [weights of each phase],
 * placement?: [site of each node], timing?: how a round goes, timing-file.ts}`.
 * Arc [i, j] says that i sends to j; where `directed` is false each edge needs be listed only once.
 */
import { z } from 'zod';
import { type Checked, checkAgainst, deepFreeze, documentBytesMax, parseYaml } from '../base/document.ts';
import { type Problem, ProblemsError } from '../base/errors.ts';
import {
  type Arc,
  arcsMax,
  nodesMax,
  type Overlay,
  type OverlayParts,
  overlayOf,
  siloNames,
  type WeightEntry,
} from './overlay.ts';
import { timingProblems, timingSchema } from './timing-file.ts';

const index = z.int().min(0);
const arcs = z.array(z.tuple([index, index])).max(arcsMax);
const weights = z.array(z.tuple([index, index, z.number()])).max(arcsMax);

export const overlaySchema = z.strictObject({
  name: z.string().min(1).max(200),
  source: z.string().optional(),
  directed: z.boolean(),
  nodes: z.union([z.int().min(1).max(nodesMax), z.array(z.string().min(1)).min(1).max(nodesMax)]),
  arcs: arcs.optional(),
  weights: weights.optional(),
  schedule: z.array(arcs).min(1).optional(),
  scheduleWeights: z.array(weights).min(1).optional(),
  placement: z.array(index).optional(),
  timing: timingSchema.optional(),
});

export type OverlayFile = z.infer<typeof overlaySchema>;

/** Checks an overlay as it stands in a file or inside an experiment (`base`: where); every problem at once. */
export function checkOverlay(data: unknown, base: readonly string[] = []): Checked<Overlay> {
  const checked = checkAgainst(overlaySchema, data, base);
  if (!checked.ok) return checked;
  const { nodes, arcs: listed = [], ...rest } = checked.value;
  const names = typeof nodes === 'number' ? siloNames(nodes) : nodes;
  const problems = contentProblems(checked.value, names).map((problem) => ({
    ...problem,
    path: [...base, problem.path].join('.'),
  }));
  if (problems.length > 0) return { ok: false, problems };
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const overlay = overlayOf({
    ...(Object.fromEntries(given) as typeof rest),
    nodes: names,
    arcs: listed,
  } as OverlayParts);
  return { ok: true, value: deepFreeze(overlay) };
}

/** Bytes of an overlay file, at most: JSON; YAML is read a hundred times slower, so less of it. */
export const overlayBytesMax = 64 * 2 ** 20;

/** What stands in the text of an overlay file, not checked yet. Throws ProblemsError. */
export function overlayData(text: string, file: string): unknown {
  const body = text.replace(/^(?:\s|#[^\n]*\n)*/, '');
  if (text.length <= documentBytesMax) return parseYaml(text, file);
  const wanted = `more than ${documentBytesMax} characters are read as JSON only`;
  if (!body.startsWith('{')) throw new ProblemsError(file, [{ path: '', message: `got YAML; ${wanted}` }]);
  try {
    return JSON.parse(body);
  } catch (error) {
    const message = `not readable as JSON: ${(error as Error).message}; ${wanted}`;
    throw new ProblemsError(file, [{ path: '', message }]);
  }
}

/** An overlay from the text of a file. Throws ProblemsError with every problem of the file. */
export function parseOverlay(text: string, file: string): Overlay {
  const checked = checkOverlay(overlayData(text, file));
  if (!checked.ok) throw new ProblemsError(file, checked.problems);
  return checked.value;
}

function contentProblems(file: OverlayFile, names: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const repeated = names.find((name) => seen.size === seen.add(name).size);
  if (repeated !== undefined) problems.push({ path: 'nodes', message: `two nodes are called ${repeated}` });
  if (file.arcs === undefined && file.schedule === undefined) {
    problems.push({ path: 'arcs', message: 'is missing; wanted a list of [from, to], or a schedule' });
  }
  problems.push(...arcProblems('arcs', file.arcs ?? [], names.length));
  file.schedule?.forEach((phase, position) => {
    problems.push(...arcProblems(`schedule.${position}`, phase, names.length));
  });
  problems.push(...weightProblems('weights', file.weights ?? [], names.length));
  problems.push(...scheduleWeightProblems(file, names.length));
  const { placement, timing, directed, arcs: listedArcs = [], schedule } = file;
  if (timing !== undefined) {
    const timed = { nodeCount: names.length, directed, arcs: listedArcs, schedule };
    problems.push(...timingProblems(timing, timed));
  }
  if (placement !== undefined && placement.length !== names.length) {
    const message = `got ${placement.length} sites, wanted one for each of the ${names.length} nodes`;
    problems.push({ path: 'placement', message });
  } else problems.push(...placementProblems(placement ?? []));
  return problems;
}

function placementProblems(placement: readonly number[]): Problem[] {
  const seen = new Set<number>();
  return placement.flatMap((site, node) => {
    const isTwice = seen.size === seen.add(site).size;
    if (!isTwice && site < placement.length) return [];
    const wanted = `wanted each site from 0 to ${placement.length - 1} once`;
    return [{ path: `placement.${node}`, message: `got ${site}${isTwice ? ' again' : ''}, ${wanted}` }];
  });
}

function arcProblems(path: string, list: readonly Arc[], nodeCount: number): Problem[] {
  return list.flatMap(([from, to], position) => {
    const at = `${path}.${position}`;
    if (from >= nodeCount || to >= nodeCount) {
      return [{ path: at, message: `got [${from}, ${to}], wanted nodes from 0 to ${nodeCount - 1}` }];
    }
    if (from !== to) return [];
    return [
      {
        path: at,
        message: `got [${from}, ${to}], a loop; a silo always keeps its own model`,
        suggestion: 'leave it out',
      },
    ];
  });
}

function scheduleWeightProblems({ schedule, scheduleWeights }: OverlayFile, nodeCount: number): Problem[] {
  if (scheduleWeights === undefined) return [];
  const path = 'scheduleWeights';
  if (scheduleWeights.length !== schedule?.length) {
    const phases =
      schedule === undefined ? 'there is no schedule' : `the schedule has ${schedule.length} phases`;
    return [{ path, message: `got weights for ${scheduleWeights.length} phases, but ${phases}` }];
  }
  return scheduleWeights.flatMap((list, phase) => weightProblems(`${path}.${phase}`, list, nodeCount));
}

function weightProblems(base: string, list: readonly WeightEntry[], nodeCount: number): Problem[] {
  const seen = new Set<string>();
  return list.flatMap(([receiver, sender], position) => {
    const path = `${base}.${position}`;
    const key = `${receiver}, ${sender}`;
    if (receiver >= nodeCount || sender >= nodeCount) {
      return [{ path, message: `got [${key}, …], wanted nodes from 0 to ${nodeCount - 1}` }];
    }
    if (seen.has(key)) return [{ path, message: `the weight of [${key}] is given twice` }];
    seen.add(key);
    return [];
  });
}
