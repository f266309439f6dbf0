/** A newer edition of the membership while peers run: what takes effect, what is refused. */
import { describe, expect, test } from 'vitest';
import {
  identityOfSeed,
  MEMBERSHIP_FORMAT,
  type Member,
  type Membership,
  nextEdition,
  revokedMembers,
  signMembership,
} from '../../src/identity/index.ts';

const operator = identityOfSeed(new Uint8Array(32).fill(9));
const idOf = (index: number) => identityOfSeed(new Uint8Array(32).fill(index + 1)).peerId;
const members: readonly Member[] = ['north', 'south', 'west'].map((name, index) => ({
  name,
  peerId: idOf(index),
  addresses: [`/ip4/10.0.0.${index}/tcp/4001`],
}));
const edition = (sequence: number, list: readonly Member[] = members, by = operator): Membership =>
  signMembership({ format: MEMBERSHIP_FORMAT, experiment: 'e', sequence, members: list }, by);
const current = edition(3);
const next = (membership: Membership, from = current) =>
  nextEdition(JSON.stringify(membership), 'members.yaml', from, {
    operator: operator.peerId,
    experiment: 'e',
  });
const changed = (index: number, change: Partial<Member>): readonly Member[] =>
  members.map((member, at) => (at === index ? { ...member, ...change } : member));
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

describe('a newer edition', () => {
  test('the one in force changes nothing', () => {
    expect(next(current)).toBeUndefined();
  });

  test('shuts out who is revoked, and lets in who is no more', () => {
    const revoked = edition(4, changed(1, { revoked: true }));
    expect(next(revoked)).toMatchObject({ shutOut: [1], letIn: [], moved: [], afterRestart: [] });
    expect(revokedMembers(revoked)).toEqual([1]);
    expect(next(edition(5), revoked)).toMatchObject({ shutOut: [], letIn: [1] });
  });

  test('moves addresses at once; a new key shuts the old one out and waits for a restart', () => {
    expect(next(edition(4, changed(2, { addresses: ['/ip4/10.0.0.9/tcp/1'] })))).toMatchObject({
      moved: [2],
    });
    expect(next(edition(4, changed(2, { peerId: idOf(7) })))).toMatchObject({
      shutOut: [2],
      afterRestart: ['west has another key'],
    });
  });

  test('is refused where it is older or no newer, not signed by the operator, altered, or of another graph', () => {
    expect(codeOf(() => next(edition(2)))).toBe('membership-outdated');
    expect(codeOf(() => next(edition(3, changed(0, { revoked: true }))))).toBe('membership-outdated');
    const other = identityOfSeed(new Uint8Array(32).fill(8));
    expect(codeOf(() => next(edition(4, members, other)))).toBe('membership-operator');
    const altered = { ...edition(4), members: changed(0, { revoked: true }) };
    expect(codeOf(() => next(altered))).toBe('membership-altered');
    expect(codeOf(() => next(edition(4, members.slice(1))))).toBe('membership-size');
    expect(codeOf(() => next(edition(4, [...members].reverse())))).toBe('membership-size');
  });
});
