/** A silo file checked together with all it names: key, signed membership, experiment and data. Nothing leaves the machine. */
import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { readDocumentFile } from '../base/document.ts';
import { InputError } from '../base/errors.ts';
import { describeSilo, holdOut, openDataset, siloWarnings } from '../data/index.ts';
import {
  type Experiment,
  experimentDigest,
  loadExperiment,
  loadSilo,
  type Silo,
} from '../experiment/index.ts';
import {
  loadIdentity,
  type Membership,
  memberIndices,
  parseMembership,
  verifyMembership,
} from '../identity/index.ts';
import { outNeighbours } from '../topology/index.ts';
import { describeSilos, type SiloFacts } from './check-experiment.ts';
import type { Session } from './session.ts';

interface Place {
  /** Index in the membership. */
  readonly index: number;
  readonly peerId: string;
  /** Names of the silos it exchanges models with. */
  readonly neighbours: readonly string[];
}

export async function checkSilo(session: Session, path: string): Promise<undefined> {
  const silo = loadSilo(path, session.overrides);
  const experiment = loadExperiment(silo.experiment);
  const membership = parseMembership(readDocumentFile(silo.members, 'the membership'), silo.members);
  verifyMembership(membership, { operator: silo.operator, experiment: experiment.name }, silo.members);
  const place = placeOf(silo, await loadIdentity(silo.key), membership, experiment);
  const { facts, classNames, notes, warnings } = await dataFacts(silo, experiment, place.index);
  for (const warning of warnings) session.warn(warning);
  const { name, testSamples, samples, labelHistogram } = facts;
  session.answer(
    {
      path,
      kind: 'silo',
      silo,
      place,
      experimentDigest: experimentDigest(experiment),
      data: { samples, testSamples, labelHistogram },
      notes,
      warnings,
    },
    [
      stringify(silo, { lineWidth: 110 }),
      `${name} is member ${place.index} of ${membership.members.length} in ${experiment.name}: ${place.peerId}`,
      `exchanges with: ${place.neighbours.join(', ')}`,
      '',
      describeSilos([facts], classNames),
      ...notes.map((note) => `note: ${note}`),
      '',
      `${path}: fine`,
    ].join('\n'),
  );
  return undefined;
}

function placeOf(
  silo: Silo,
  { peerId }: { peerId: string },
  membership: Membership,
  { overlay }: Experiment,
): Place {
  const { members } = membership;
  const index = memberIndices(membership).get(peerId);
  const member = index === undefined ? undefined : members[index];
  if (index === undefined || member === undefined) {
    throw new InputError(
      'silo-not-member',
      `the key ${silo.key} is ${peerId}, which ${silo.members} does not name; send this peer id to your operator`,
      { key: silo.key, peerId, members: silo.members },
    );
  }
  if (member.name !== silo.name) {
    throw new InputError(
      'silo-name-mismatch',
      `the membership calls ${peerId} ${member.name}, the silo file calls itself ${silo.name}; use one name in both`,
      { got: silo.name, wanted: member.name },
    );
  }
  if (members.length !== overlay.nodes.length) {
    throw new InputError(
      'membership-size',
      `${silo.members} names ${members.length} members, but the experiment's graph has ${overlay.nodes.length} silos`,
      { got: members.length, wanted: overlay.nodes.length },
    );
  }
  const neighbours = (outNeighbours(overlay)[index] ?? []).map(
    (peer) => members[peer]?.name ?? `peer ${peer}`,
  );
  return { index, peerId, neighbours };
}

async function dataFacts(silo: Silo, { seed }: Experiment, index: number) {
  const dataset = await openDataset(silo.data.dataset, { baseFolder: dirname(silo.runFolder) });
  const labels = await dataset.labels('train');
  const all = Array.from(labels.keys());
  const { train, test } = holdOut(all, silo.data.testShare, seed, index);
  const description = describeSilo(labels, train, dataset.classCount);
  const warnings = siloWarnings(silo.name, description, dataset.classNames);
  const { samples, labelHistogram } = description;
  const facts: SiloFacts = { name: silo.name, samples, testSamples: test.length, labelHistogram };
  return { facts, classNames: dataset.classNames, notes: dataset.notes, warnings };
}
