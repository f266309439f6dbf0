/** The structure of a membership file, field by field: every problem in words, nothing about its signature. */
import { publicKeyOf } from './peer-id.ts';

const MEMBER_COUNT_MAX = 10_000;
const ADDRESS_COUNT_MAX = 16;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ADDRESS =
  /^\/(?:ip4\/(?:\d{1,3}\.){3}\d{1,3}|ip6\/[0-9a-fA-F:.]+|dns[46]?\/[A-Za-z0-9._-]+)\/tcp\/\d{1,5}(?:\/p2p\/([1-9A-HJ-NP-Za-km-z]+))?$/;
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;
const FIELDS = ['format', 'experiment', 'sequence', 'issuedAt', 'members', 'operator', 'signature'];
const MEMBER_FIELDS = ['name', 'peerId', 'addresses', 'revoked'];

/** Problems of a parsed file; empty if it is a membership of the given format. */
export function checkStructure(value: unknown, format: string): string[] {
  if (!isObject(value)) return ['got no fields, wanted format, experiment, sequence and members'];
  const problems = unknownFields(value, FIELDS, '');
  const expect = (good: boolean, field: string, what: string): void => {
    if (!good) problems.push(`${field}: got ${show(value[field])}, wanted ${what}`);
  };
  expect(value.format === format, 'format', format);
  expect(isText(value.experiment), 'experiment', "the experiment's name");
  expect(isWhole(value.sequence), 'sequence', 'a whole number from 1');
  expect(value.issuedAt === undefined || isText(value.issuedAt), 'issuedAt', 'a date');
  expect(value.operator === undefined || isPeerId(value.operator), 'operator', "an Ed25519 key's peer id");
  const signature = value.signature;
  expect(
    signature === undefined || (isText(signature) && SIGNATURE.test(signature)),
    'signature',
    'base64 of 64 bytes',
  );
  const members = value.members;
  const countIsGood = Array.isArray(members) && members.length >= 1 && members.length <= MEMBER_COUNT_MAX;
  expect(countIsGood, 'members', `a list of 1 to ${MEMBER_COUNT_MAX} members`);
  if (countIsGood)
    problems.push(...members.flatMap((member, index) => checkMember(member, `members[${index}]`)));
  return problems;
}

function checkMember(value: unknown, path: string): string[] {
  if (!isObject(value)) return [`${path}: got ${show(value)}, wanted name and peerId`];
  const problems = unknownFields(value, MEMBER_FIELDS, `${path}.`);
  const { name, peerId, addresses, revoked } = value;
  if (!isText(name) || !NAME.test(name)) {
    problems.push(
      `${path}.name: got ${show(name)}, wanted up to 63 letters, digits, dots, dashes or underscores`,
    );
  }
  if (!isPeerId(peerId)) {
    problems.push(
      `${path}.peerId: got ${show(peerId)}, wanted an Ed25519 peer id (12D3KooW…), as \`grapevine identity show\` prints it`,
    );
  }
  if (revoked !== undefined && typeof revoked !== 'boolean')
    problems.push(`${path}.revoked: got ${show(revoked)}, wanted true or false`);
  return addresses === undefined
    ? problems
    : [...problems, ...checkAddresses(addresses, peerId, `${path}.addresses`)];
}

function checkAddresses(value: unknown, peerId: unknown, path: string): string[] {
  if (!Array.isArray(value) || value.length > ADDRESS_COUNT_MAX) {
    return [`${path}: got ${show(value)}, wanted a list of up to ${ADDRESS_COUNT_MAX} addresses`];
  }
  return value.flatMap((address: unknown, index) => {
    const match = isText(address) ? ADDRESS.exec(address) : null;
    if (match === null) {
      return [
        `${path}[${index}]: got ${show(address)}, wanted one like /ip4/10.0.0.5/tcp/4001 or /dns/silo.example/tcp/4001`,
      ];
    }
    const named = match[1];
    return named === undefined || named === peerId
      ? []
      : [`${path}[${index}]: ends in another peer's id, ${named}`];
  });
}

function unknownFields(value: Record<string, unknown>, known: readonly string[], prefix: string): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${prefix}${key}: unknown field, wanted one of ${known.join(', ')}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isPeerId(value: unknown): boolean {
  return isText(value) && publicKeyOf(value) !== undefined;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value).slice(0, 80);
}
