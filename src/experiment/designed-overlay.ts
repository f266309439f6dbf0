/**
 * `topology: {underlay, overlay, workload, …}`: an overlay designed when the experiment is read. Searches end by their steps, never by a
 * clock, so every peer of a deployment that reads the same file comes to the same overlay, and to the same digest.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { checkAgainst } from '../base/document.ts';
import { GrapevineError, type Problem, ProblemsError } from '../base/errors.ts';
import { nearest } from '../base/schema-problems.ts';
import { canonicalJson } from '../identity/canonical.ts';
import { connectivityGraph } from '../topology/connectivity-graph.ts';
import type { ConnectivityGraph } from '../topology/delays.ts';
import { designChance } from '../topology/designers/designer.ts';
import { designers } from '../topology/designers/registry.ts';
import type { Overlay, Timing } from '../topology/overlay.ts';
import { parseOverlay } from '../topology/overlay-file.ts';
import { overlayText } from '../topology/overlay-text.ts';
import type { Underlay } from '../topology/underlay/underlay.ts';
import { workloads } from '../topology/workloads.ts';
import {
  checkSiloCount,
  networkConditions,
  networkFields,
  readUnderlay,
  withAbsoluteUnderlay,
} from './network.ts';

/** Overlays designed before, by what they were designed from. */
export interface DesignCache {
  /** The text of an overlay file. */
  read(key: string): string | undefined;
  write(key: string, text: string): void;
}

/** Where an experiment is read, and what reading it may use. */
export interface Designing {
  /** Paths of underlays start here. */
  readonly folder: string;
  /** A line for people about how far a design is. */
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly designs?: DesignCache | undefined;
}

const workloadNames = workloads.map(({ name }) => name);
const designedSchema = z.strictObject({
  ...networkFields,
  /** The kind, as in `grapevine design --overlay`. */
  overlay: z.string().min(1),
  /** What a round sends and computes; by name or in figures. */
  workload: z.union([
    z.string().min(1),
    z.strictObject({ modelBits: z.number().gt(0), computeMs: z.number().min(0) }),
  ]),
  /** Of a round. */
  localSteps: z.int().min(1).default(1),
  /** Arcs share core links, max–min fair. */
  sharedCore: z.boolean().default(false),
  /** The kind's own, as in `--options`. */
  options: z.record(z.string(), z.unknown()).default({}),
  /** Of whatever is random in the search; the experiment's seed changes nothing here. */
  seed: z.int().min(0).default(1),
});
type DesignedBlock = z.output<typeof designedSchema>;

/** Undefined after a problem. `silos`: of the experiment, where it says so. */
export function designedOverlay(
  block: unknown,
  silos: number | undefined,
  designing: Designing,
  problems: Problem[],
): Overlay | undefined {
  const checked = checkAgainst(designedSchema, block, ['topology']);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return undefined;
  }
  const before = problems.length;
  const spec = withAbsoluteUnderlay(checked.value, designing.folder);
  const workload = workloadOf(spec.workload, problems);
  checkKind(spec.overlay, problems);
  const path = 'topology.underlay';
  const underlay = readUnderlay(spec, checked.value.underlay, path, problems);
  if (underlay !== undefined) checkSiloCount(underlay, silos, path, problems);
  if (problems.length > before || underlay === undefined || workload === undefined) return undefined;
  const { localSteps, sharedCore } = spec;
  const graph = connectivityGraph(underlay, { ...networkConditions(spec), workload, localSteps, sharedCore });
  return cached(spec, underlay, graph, designing, problems);
}

function workloadOf(named: DesignedBlock['workload'], problems: Problem[]) {
  if (typeof named !== 'string') return named;
  const found = workloads.find(({ name }) => name === named.toLowerCase());
  if (found !== undefined) return found;
  const wanted = `wanted one of ${workloadNames.join(', ')}, or {modelBits, computeMs}`;
  problems.push(unknownName('topology.workload', named, wanted, workloadNames));
  return undefined;
}

function checkKind(kind: string, problems: Problem[]): void {
  const kinds = designers.map(({ name }) => name);
  if (kinds.includes(kind)) return;
  problems.push(unknownName('topology.overlay', kind, `wanted one of ${kinds.join(', ')}`, kinds));
}

function unknownName(path: string, got: string, wanted: string, names: readonly string[]): Problem {
  const near = nearest(got, names);
  const suggestion = near === undefined ? {} : { suggestion: `did you mean ${near}?` };
  return { path, message: `got ${JSON.stringify(got)}, ${wanted}`, ...suggestion };
}

/** A cached text that cannot be read any more is as good as none. */
function cached(
  spec: DesignedBlock,
  underlay: Underlay,
  graph: ConnectivityGraph,
  designing: Designing,
  problems: Problem[],
): Overlay | undefined {
  const key = keyOf(spec, underlay);
  const known = designing.designs?.read(key);
  if (known !== undefined) {
    try {
      return parseOverlay(known, key);
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error;
    }
  }
  const overlay = designed(spec, graph, designing, problems);
  if (overlay !== undefined) designing.designs?.write(key, overlayText(overlay));
  return overlay;
}

/** Of everything that the overlay depends on, but for the code that designs it. */
function keyOf({ underlay: _path, ...spec }: DesignedBlock, underlay: Underlay): string {
  const network = JSON.stringify(underlay, (_, value: unknown) =>
    ArrayBuffer.isView(value)
      ? createHash('sha256')
          .update(value as NodeJS.ArrayBufferView)
          .digest('hex')
      : value,
  );
  return createHash('sha256')
    .update(`${canonicalJson(JSON.parse(JSON.stringify(spec)))}\n${network}`)
    .digest('hex')
    .slice(0, 32);
}

function designed(
  spec: DesignedBlock,
  graph: ConnectivityGraph,
  { onProgress = () => undefined }: Designing,
  problems: Problem[],
): Overlay | undefined {
  const { overlay: kind, options, seed } = spec;
  const designer = designers.find(({ name }) => name === kind)!;
  onProgress(`designing ${kind} for ${graph.siloCount} silos`);
  try {
    const { overlay, timing } = designer.design({ graph }, options, {
      random: designChance(seed),
      expired: () => false,
      progress: onProgress,
      wantsBound: false,
    });
    return checkTiming(timing, kind, 'topology.overlay', problems)
      ? { ...overlay, source: sourceOf(spec) }
      : undefined;
  } catch (error) {
    problems.push(...problemsOf(error, kind));
    return undefined;
  }
}

/**
 * A run keeps its arcs, or follows a schedule, and mixes what is new. Of an overlay of random rounds it repeats those
 * that were drawn. `path`: what names the overlay.
 */
export function checkTiming(timing: Timing, name: string, path: string, problems: Problem[]): boolean {
  if (timing.kind !== 'pipelined') return true;
  problems.push({
    path,
    message: `${name} counts on models that arrive rounds later, and no exchange rule waits for those`,
    suggestion:
      'choose another kind, or take timing out of its file: then every arc is waited for in every round',
  });
  return false;
}

function problemsOf(error: unknown, kind: string): Problem[] {
  if (error instanceof ProblemsError) {
    return error.problems.map((problem) => ({ ...problem, path: `topology.options: ${problem.path}` }));
  }
  if (!(error instanceof GrapevineError)) throw error;
  const suggestion =
    error.code === 'label-shares-missing'
      ? { suggestion: `save one with grapevine design --overlay ${kind} --out, and name it: {file: …}` }
      : {};
  return [{ path: 'topology', message: error.message, ...suggestion }];
}

function sourceOf(spec: DesignedBlock): string {
  const { underlay, overlay, workload, accessMbps, accessUpMbps, accessDownMbps, coreMbps, lengths } = spec;
  const named =
    typeof workload === 'string' ? workload : `${workload.modelBits} bits, ${workload.computeMs} ms a step`;
  const access = `${accessUpMbps ?? accessMbps} Mbit/s up, ${accessDownMbps ?? accessMbps} down`;
  return [
    `designed: ${overlay} on ${underlay.split(/[\\/]/).at(-1)}, ${lengths} lengths`,
    `${named}, ${spec.localSteps} a round`,
    `access ${access}, core ${coreMbps}${spec.sharedCore ? ' shared' : ''}; seed ${spec.seed}`,
  ].join('; ');
}
