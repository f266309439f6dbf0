/** Sums are written over models that came and that nobody else holds: not a bit differs, and what others hold is never touched. */
import { describe, expect, test } from 'vitest';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { type Vector, vectorDigest } from '../../src/params/layout.ts';
import { DrivenRule, sends } from './rule-driver.ts';

const SIZE = 2051; // more than a block of the kernel, and no multiple of one
const vectorOf = (peer: number, round: number): Vector =>
  Float32Array.from({ length: SIZE }, (_, index) => Math.sin(1 + index * 0.7 + peer * 13 + round * 101));
const mixingRow = new Map([
  [0, 0.4],
  [1, 0.3],
  [2, 0.3],
]);

interface Told {
  readonly digests: string[];
  /** Memory that the rule mixed into, by round. */
  readonly reused: boolean[];
  /** Whatever was given away or came in and may be held elsewhere, with its digest then. */
  readonly held: Map<Vector, string>;
}

function run(rule: string, options: Record<string, unknown>, exclusive: boolean): Told {
  const peer = new DrivenRule({ rule, options, self: 0, outNeighbours: [1, 2], mixingRow });
  const told: Told = { digests: [], reused: [], held: new Map() };
  const hold = (vector: Vector) => told.held.set(vector, vectorDigest(vector));
  for (let round = 0; round < 4; round++) {
    const params = peer.completed ?? vectorOf(0, 99);
    hold(params);
    const actions = [...peer.begin(round, params)];
    const came: Vector[] = [];
    const hear = (from: number) => {
      const vector = vectorOf(from, round);
      came.push(vector);
      if (!exclusive) hold(vector);
      const message: RuleMessage = { kind: 'model', round, vectors: [vector], numbers: [] };
      const event = { kind: 'received', from, incarnation: 1, message } as const;
      actions.push(...peer.step(exclusive ? { ...event, exclusive } : event));
    };
    if (round % 2 === 0) for (const from of [2, 1]) hear(from);
    const train = () => {
      const trained = vectorOf(0, round);
      hold(trained);
      actions.push(...peer.step({ kind: 'trained', params: trained }));
    };
    if (actions.some(({ kind }) => kind === 'train')) train();
    if (round % 2 === 1) {
      const before = actions.length;
      for (const from of [1, 2]) hear(from);
      if (actions.slice(before).some(({ kind }) => kind === 'train')) train();
    }
    for (const { message } of sends(actions)) for (const vector of message.vectors) hold(vector);
    told.digests.push(vectorDigest(peer.completed!));
    told.reused.push(came.includes(peer.completed!));
  }
  return told;
}

describe.each([
  ['dpsgd', { variant: 'adapt-then-mix' }, true],
  ['dpsgd', { variant: 'mix-then-adapt' }, false], // what it mixed into is trained from
  ['dpsgd', { variant: 'parallel' }, false],
  ['dpsgd', { staleness: 2 }, false], // a model may be mixed twice
  ['dpsgd', { backups: 1 }, false],
  ['receive-merge', {}, true],
] as const)('%s %o', (rule, options, reuses) => {
  test('comes to the same bits whether its messages are its own or not', () => {
    const [own, shared] = [run(rule, options, true), run(rule, options, false)];
    expect(own.digests).toEqual(shared.digests);
    expect(shared.reused).not.toContain(true);
    if (reuses) expect(own.reused).toContain(true);
    else expect(own.reused).not.toContain(true);
  });

  test.each([true, false])('never changes what others may hold (messages its own: %s)', (exclusive) => {
    for (const [vector, digest] of run(rule, options, exclusive).held)
      expect(vectorDigest(vector)).toBe(digest);
  });
});
