import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { InputError } from '../../src/base/errors.ts';
import { canonicalJson } from '../../src/identity/canonical.ts';
import {
  identityOfSeed,
  isSignatureValid,
  MEMBERSHIP_FORMAT,
  type Membership,
  memberIndices,
  parseMembership,
  signMembership,
  verifyMembership,
} from '../../src/identity/index.ts';

const key = (index: number) => identityOfSeed(new Uint8Array(32).fill(index));
const operator = key(100);
const draft: Membership = {
  format: MEMBERSHIP_FORMAT,
  experiment: 'penguins',
  sequence: 3,
  members: [
    { name: 'biscoe', peerId: key(1).peerId, addresses: ['/ip4/127.0.0.1/tcp/4001'] },
    { name: 'dream', peerId: key(2).peerId },
  ],
};
const signed = signMembership(draft, operator);
const expected = { operator: operator.peerId };

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError) return error.code;
    throw error;
  }
  return 'none';
}

const parse = (value: unknown) => parseMembership(JSON.stringify(value), 'members.json');
const verifyChanged = (changes: object, wanted: object = {}) =>
  codeOf(() => verifyMembership({ ...signed, ...changes }, { ...expected, ...wanted }, 'members.yaml'));

describe('signed membership', () => {
  it('passes as YAML and as JSON, whatever the order of its keys', () => {
    const { members, ...rest } = signed;
    for (const text of [
      stringify(signed),
      JSON.stringify(signed),
      `# note\n${stringify({ members, ...rest })}`,
    ]) {
      const read = parseMembership(text, 'members.yaml');
      verifyMembership(read, { ...expected, experiment: 'penguins', sequenceMin: 3 }, 'members.yaml');
      expect(isSignatureValid(read)).toBe(true);
    }
  });

  it('numbers peers by their place in the file', () => {
    expect([...memberIndices(signed)]).toEqual([
      [key(1).peerId, 0],
      [key(2).peerId, 1],
    ]);
  });

  it('is refused when unsigned, altered, by another operator, for another experiment or out of date', () => {
    expect(codeOf(() => verifyMembership(draft, expected, 'm'))).toBe('membership-unsigned');
    expect(verifyChanged({ sequence: 4 })).toBe('membership-altered');
    expect(verifyChanged({ members: [...signed.members].reverse() })).toBe('membership-altered');
    expect(verifyChanged({ members: signed.members.slice(1) })).toBe('membership-altered');
    expect(verifyChanged({ issuedAt: '2026-01-01' })).toBe('membership-altered');
    expect(verifyChanged({ signature: `${'A'.repeat(86)}==` })).toBe('membership-altered');
    expect(verifyChanged({}, { operator: key(9).peerId })).toBe('membership-operator');
    expect(verifyChanged({}, { experiment: 'mnist' })).toBe('membership-experiment');
    expect(verifyChanged({}, { sequenceMin: 4 })).toBe('membership-outdated');
    expect(verifyChanged({})).toBe('none');
  });

  it('cannot be passed on under another operator by naming that one', () => {
    const forged = { ...signMembership(draft, key(9)), operator: operator.peerId };
    expect(codeOf(() => verifyMembership(forged, expected, 'm'))).toBe('membership-altered');
  });
});

describe('membership file', () => {
  it('refuses two members with one name or one identity, and names them all', () => {
    const [first, second] = draft.members;
    const twice = { ...draft, members: [first, { ...second, name: 'biscoe' }, { ...first, name: 'third' }] };
    expect(codeOf(() => parse(twice))).toBe('membership-duplicate');
    expect(() => parse(twice)).toThrow(/members\[1\]\.name: biscoe[\s\S]*members\[2\]\.peerId/);
  });

  it('reports every malformed field at once', () => {
    const broken = {
      format: 'grapevine-membership/9',
      experiment: '',
      sequence: 0,
      colour: 'red',
      operator: 'me',
      signature: 'xx',
      members: [
        { name: '../up', peerId: '12D3KooWnope', addresses: ['tcp://1.2.3.4'], role: 'x' },
        { name: 'b', peerId: key(1).peerId, addresses: [`/dns4/b/tcp/1/p2p/${key(2).peerId}`] },
        'c',
      ],
    };
    expect(codeOf(() => parse(broken))).toBe('membership-malformed');
    for (const field of [
      'format: got',
      'experiment: got ""',
      'sequence: got 0',
      'colour: unknown field',
      'operator: got "me"',
      'signature: got "xx"',
      'members[0].name: got "../up"',
      'members[0].peerId: got "12D3KooWnope"',
      'members[0].addresses[0]: got "tcp://1.2.3.4"',
      'members[0].role: unknown field',
      "members[1].addresses[0]: ends in another peer's id",
      'members[2]: got "c"',
    ]) {
      expect(() => parse(broken)).toThrow(
        expect.objectContaining({ message: expect.stringContaining(field) }),
      );
    }
  });

  it.each([
    ['text that is not YAML', 'a: [1'],
    ['one key twice', 'format: x\nformat: y'],
    ['an empty file', ''],
    ['a list', '[]'],
    ['an alias', 'members: &m []\nother: *m'],
    ['no members', stringify({ ...draft, members: [] })],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => parseMembership(text, 'm'))).toBe('membership-malformed');
  });
});

describe('canonical JSON', () => {
  it('sorts keys, keeps lists in order and leaves undefined out', () => {
    expect(canonicalJson({ b: [2, 1], a: { d: null, c: 'é\n' }, e: undefined })).toBe(
      '{"a":{"c":"é\\n","d":null},"b":[2,1]}',
    );
  });
});
