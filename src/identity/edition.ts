/**
 * A newer edition of the membership, signed while peers run: who may connect and where they listen changes at once; what the graph and
 * the greeting rest on (number and order of members, names) does not, and a new key of a member needs a restart of the others.
 */
import { InputError } from '../base/errors.ts';
import { type Expectation, type Membership, parseMembership, verifyMembership } from './membership.ts';

/** What another edition changes for those who run. */
export interface EditionChange {
  readonly membership: Membership;
  /** Indices that may not connect any more: revoked, or given another key. */
  readonly shutOut: readonly number[];
  readonly letIn: readonly number[];
  /** Whose addresses are other ones. */
  readonly moved: readonly number[];
  /** What takes a restart of this peer, in words. */
  readonly afterRestart: readonly string[];
}

/**
 * Reads what the membership file holds now. Undefined where it is the edition that is in force. Throws as parseMembership and
 * verifyMembership do, `membership-outdated` for any other that is not newer, and `membership-size` for one that other members, or others in another
 * order, make another graph of: nothing of such an edition is taken.
 */
export function nextEdition(
  content: string,
  file: string,
  current: Membership,
  expected: Expectation,
): EditionChange | undefined {
  const next = parseMembership(content, file);
  if (next.signature === current.signature && next.sequence === current.sequence) return undefined;
  verifyMembership(next, expected, file);
  if (next.sequence <= current.sequence) {
    throw new InputError(
      'membership-outdated',
      `${file} is edition ${next.sequence}, and edition ${current.sequence} is in force; a change takes a higher number, which \`grapevine membership sign\` gives it`,
      { file, got: next.sequence, inForce: current.sequence },
    );
  }
  const isSameGraph =
    next.members.length === current.members.length &&
    next.members.every(({ name }, index) => name === current.members[index]?.name);
  if (!isSameGraph) {
    throw new InputError(
      'membership-size',
      `${file}, edition ${next.sequence}, names other members or another order than edition ${current.sequence}: the graph is built on both, so that takes another experiment. To shut a member out keep its place and mark it revoked: true`,
      { file, sequence: next.sequence },
    );
  }
  return changeBetween(current, next);
}

/** Indices of the members that may not connect. */
export function revokedMembers({ members }: Membership): number[] {
  return members.flatMap(({ revoked }, index) => (revoked === true ? [index] : []));
}

function changeBetween(current: Membership, membership: Membership): EditionChange {
  const shutOut: number[] = [];
  const letIn: number[] = [];
  const moved: number[] = [];
  const afterRestart: string[] = [];
  for (const [index, member] of membership.members.entries()) {
    const before = current.members[index];
    const isNewKey = before?.peerId !== member.peerId;
    if (isNewKey) afterRestart.push(`${member.name} has another key`);
    if (member.revoked === true || isNewKey) shutOut.push(index);
    else if (before?.revoked === true) letIn.push(index);
    const [was, is] = [before?.addresses ?? [], member.addresses ?? []];
    if (was.join() !== is.join()) moved.push(index);
    if ((was.length === 0) !== (is.length === 0)) afterRestart.push(`who dials ${member.name}`);
  }
  return { membership, shutOut, letIn, moved, afterRestart };
}
