/** The resolved form of an experiment: complete YAML that runs it again, and a digest that all its peers share. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { canonicalJson } from '../identity/canonical.ts';
import type { Experiment } from './experiment.ts';

/**
 * YAML text of the experiment with every default filled in, paths absolute and a file's overlay written out;
 * parseExperiment reads it back to an equal experiment. `versions` go into the comment at its head.
 */
export function resolveExperiment(
  experiment: Experiment,
  versions: Readonly<Record<string, string>> = {},
): string {
  const { overlay: _built, exchange, faults, stop, ...file } = experiment;
  const { rule, options, ...shared } = exchange;
  const written = {
    ...file,
    exchange: { rule, ...options, ...shared },
    ...(faults === undefined ? {} : { faults: { schedule: faults } }),
    stop,
  };
  const made = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = [
    '# Resolved by Grapevine: complete, with every default; run it again with grapevine swarm or simulate.',
  ];
  if (made.length > 0) head.push(`# Versions: ${made.join(', ')}`);
  return `${head.join('\n')}\n${stringify(written, { aliasDuplicateObjects: false, lineWidth: 110 })}`;
}

/**
 * SHA-256 (hex) of what must be equal on all peers: name, seed, model, training, graph, exchange, stop. Left out is
 * what each silo decides for itself: its data, backend, checkpoints, records, evaluation, patience and baselines; and faults, which
 * change what happens to peers and not what they do: a run may go on without them. Silos that
 * bring data of their own also compare the names of the classes in order: otherwise a label would mean something else on each.
 */
export function experimentDigest(experiment: Experiment, classNames?: readonly string[]): string {
  const { name, seed, model, stop, overlay, aggregate } = experiment;
  const { backend: _backend, ...train } = experiment.train;
  const { deadline: _deadline, ...exchange } = experiment.exchange;
  // A layers file lies elsewhere on every machine; the layout digest compares what is in it.
  const shape = model.kind === 'layers' ? { kind: model.kind } : model;
  const { nodes, arcs, schedule } = overlay;
  const weights = exchange.weights === 'overlay' ? overlay.weights : exchange.weights;
  const graph = { nodeCount: nodes.length, arcs, schedule };
  const shared = {
    name,
    seed,
    model: shape,
    train,
    graph,
    exchange: { ...exchange, weights },
    stop,
    ...(aggregate === undefined ? {} : { aggregate }),
    ...(classNames === undefined ? {} : { classNames }),
  };
  return createHash('sha256').update(canonicalJson(shared)).digest('hex');
}
