/** A silo file with all it names but the data: experiment, signed membership, key, and the silo's place among the others. */
import { readDocumentFile } from '../base/document.ts';
import { InputError } from '../base/errors.ts';
import { type Experiment, loadExperiment, loadSilo, type Silo } from '../experiment/index.ts';
import {
  loadIdentity,
  type Membership,
  memberIndices,
  parseMembership,
  verifyMembership,
} from '../identity/index.ts';
import { inNeighbours, outNeighbours } from '../topology/index.ts';

export interface Place {
  /** Index in the membership. */
  readonly index: number;
  readonly peerId: string;
  /** Names of the silos it exchanges models with. */
  readonly neighbours: readonly string[];
}

export interface SiloSetup {
  readonly silo: Silo;
  readonly experiment: Experiment;
  readonly membership: Membership;
  readonly place: Place;
}

/**
 * Reads and checks everything. Throws as loadSilo, loadExperiment, parseMembership, verifyMembership and loadIdentity do, and
 * InputError `silo-not-member`, `silo-name-mismatch`, `silo-revoked`, `membership-size`.
 */
export async function loadSiloSetup(
  path: string,
  overrides: readonly string[],
  readExperiment: (silo: Silo) => Promise<Experiment> = async (silo) => loadExperiment(silo.experiment),
): Promise<SiloSetup> {
  const silo = loadSilo(path, overrides);
  const experiment = await readExperiment(silo);
  const membership = parseMembership(readDocumentFile(silo.members, 'the membership'), silo.members);
  verifyMembership(membership, { operator: silo.operator, experiment: experiment.name }, silo.members);
  const place = placeOf(silo, await loadIdentity(silo.key), membership, experiment);
  return { silo, experiment, membership, place };
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
  if (member.revoked === true) {
    throw new InputError(
      'silo-revoked',
      `edition ${membership.sequence} of ${silo.members} shuts ${silo.name} out; ask your operator why`,
      { file: silo.members, sequence: membership.sequence },
    );
  }
  if (members.length !== overlay.nodes.length) {
    throw new InputError(
      'membership-size',
      `${silo.members} names ${members.length} members, but the experiment's graph has ${overlay.nodes.length} silos`,
      { got: members.length, wanted: overlay.nodes.length },
    );
  }
  const linked = new Set([...(outNeighbours(overlay)[index] ?? []), ...(inNeighbours(overlay)[index] ?? [])]);
  const neighbours = [...linked].sort((a, b) => a - b).map((peer) => members[peer]?.name ?? `peer ${peer}`);
  return { index, peerId, neighbours };
}
