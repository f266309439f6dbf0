/**
 * The membership file: who takes part in an experiment, signed by its operator. A peer's index is its position in the
 * file. The signature (Ed25519) is over the format's name, a newline and the canonical JSON of all else in the file, so
 * that order of keys, comments and the choice of YAML or JSON do not matter, and every value does.
 */
import { parse } from 'yaml';
import { InputError } from '../base/errors.ts';
import { canonicalJson } from './canonical.ts';
import { type Identity, sign, verify } from './keys.ts';
import { checkStructure } from './membership-shape.ts';
import { publicKeyOf } from './peer-id.ts';

export const MEMBERSHIP_FORMAT = 'grapevine-membership/1';

export interface Member {
  readonly name: string;
  readonly peerId: string;
  /** Multiaddrs to dial, such as `/ip4/10.0.0.5/tcp/4001`; none for a silo that only dials out. */
  readonly addresses?: readonly string[];
  /** It keeps its place in the graph, and may not connect. */
  readonly revoked?: boolean;
}

export interface Membership {
  readonly format: typeof MEMBERSHIP_FORMAT;
  /** Name of the experiment that these members train together. */
  readonly experiment: string;
  /** Grows with each edition, so that an older one can be told. */
  readonly sequence: number;
  /** ISO 8601. */
  readonly issuedAt?: string;
  /** In the order of peer indices. */
  readonly members: readonly Member[];
  /** Peer id of the operator's key; absent in a draft. */
  readonly operator?: string;
  /** Base64; absent in a draft. */
  readonly signature?: string;
}

/** What the verifier knows from elsewhere. */
export interface Expectation {
  /** Peer id of the operator's key. */
  readonly operator: string;
  readonly experiment?: string;
  /** The least edition that is still good. */
  readonly sequenceMin?: number;
}

/**
 * Reads YAML or JSON text and checks its structure, not its signature. Throws InputError `membership-malformed`
 * with every problem, `membership-duplicate` for two members with one name or one identity.
 */
export function parseMembership(content: string, file: string): Membership {
  const { value, problem } = parseYaml(content);
  const problems = problem === undefined ? checkStructure(value, MEMBERSHIP_FORMAT) : [problem];
  if (problems.length > 0) {
    throw new InputError(
      'membership-malformed',
      `${file} is not a membership file:\n  ${problems.join('\n  ')}\nan example: grapevine membership create --help`,
      { file, problems },
    );
  }
  const membership = value as Membership;
  checkDistinct(membership, file);
  return membership;
}

/** Signs as `operator`; whatever signature was there is replaced. */
export function signMembership(draft: Membership, operator: Identity): Membership {
  const { signature: _, ...body } = draft;
  const named = { ...body, operator: operator.peerId };
  return { ...named, signature: Buffer.from(sign(operator, signedBytes(named))).toString('base64') };
}

/**
 * Whether the file is what the expected operator signed. Throws InputError `membership-unsigned`, `membership-operator`
 * (somebody else's), `membership-altered`, `membership-experiment`, `membership-outdated`.
 */
export function verifyMembership(membership: Membership, expected: Expectation, file: string): void {
  const { operator, signature, experiment, sequence } = membership;
  if (operator === undefined || signature === undefined) {
    throw new InputError(
      'membership-unsigned',
      `${file} is not signed; its operator must run: grapevine membership sign ${file} --key OPERATOR.pem`,
      { file },
    );
  }
  if (operator !== expected.operator) {
    throw new InputError(
      'membership-operator',
      `${file} is signed by ${operator}, wanted ${expected.operator}; ask your operator which key is right`,
      { file, got: operator, wanted: expected.operator },
    );
  }
  const key = publicKeyOf(operator);
  const bytes = Buffer.from(signature, 'base64');
  if (key === undefined || !verify(key, signedBytes(membership), bytes)) {
    throw new InputError(
      'membership-altered',
      `${file} was changed after it was signed; get it again from your operator, or have the change signed`,
      { file },
    );
  }
  checkPurpose(experiment, sequence, expected, file);
}

/** Whether the signature, if there is one, still fits; for the operator's own tools. */
export function isSignatureValid(membership: Membership): boolean {
  const key = membership.operator === undefined ? undefined : publicKeyOf(membership.operator);
  if (key === undefined || membership.signature === undefined) return false;
  return verify(key, signedBytes(membership), Buffer.from(membership.signature, 'base64'));
}

/** Index in the membership per peer id. */
export function memberIndices(membership: Membership): ReadonlyMap<string, number> {
  return new Map(membership.members.map(({ peerId }, index) => [peerId, index]));
}

/** YAML without aliases, keys unique; JSON is a subset of it. */
function parseYaml(content: string): { value?: unknown; problem?: string } {
  try {
    const value: unknown = parse(content, { strict: true, maxAliasCount: 0, logLevel: 'error' });
    return { value };
  } catch (error) {
    return { problem: (error as Error).message.trimEnd().replaceAll('\n', '\n  ') };
  }
}

function checkPurpose(experiment: string, sequence: number, expected: Expectation, file: string): void {
  if (expected.experiment !== undefined && experiment !== expected.experiment) {
    throw new InputError(
      'membership-experiment',
      `${file} is for the experiment ${experiment}, wanted ${expected.experiment}`,
      { file, got: experiment, wanted: expected.experiment },
    );
  }
  if (expected.sequenceMin !== undefined && sequence < expected.sequenceMin) {
    throw new InputError(
      'membership-outdated',
      `${file} is edition ${sequence}, but edition ${expected.sequenceMin} was seen before; get the newest from your operator`,
      { file, got: sequence, wanted: expected.sequenceMin },
    );
  }
}

function signedBytes(membership: Membership): Uint8Array {
  const { signature: _, ...body } = membership;
  return Buffer.from(`${MEMBERSHIP_FORMAT}\n${canonicalJson(body)}`, 'utf8');
}

function checkDistinct(membership: Membership, file: string): void {
  const problems = [...repeated(membership.members, 'name'), ...repeated(membership.members, 'peerId')];
  if (problems.length === 0) return;
  throw new InputError(
    'membership-duplicate',
    `${file}: every member needs a name and an identity of its own:\n  ${problems.join('\n  ')}`,
    { file, problems },
  );
}

function repeated(members: readonly Member[], field: 'name' | 'peerId'): string[] {
  const first = new Map<string, number>();
  return members.flatMap((member, index) => {
    const other = first.get(member[field]);
    if (other === undefined) first.set(member[field], index);
    return other === undefined
      ? []
      : [`members[${index}].${field}: ${member[field]} is also members[${other}]'s`];
  });
}
