/** Push-sum writes its next vectors over memory that nobody else holds: not a bit differs, and what others hold is never touched. */
import { expect, test } from 'vitest';
import { plusGift } from '../../src/exchange/mass-loops.ts';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { type Vector, vectorDigest } from '../../src/params/layout.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const SIZE = 37;
const SENDERS = [1, 2, 3];
const ROUNDS = 8;
const vectorOf = (peer: number, round: number): Float32Array =>
  Float32Array.from({ length: SIZE }, (_, index) => Math.sin(1 + index * 0.7 + peer * 13 + round * 101));

interface Told {
  readonly digests: string[];
  readonly refused: string[];
  /** Vectors that were sent, or that params ended in, though they had come in or were trained. */
  readonly reused: Set<'sent' | 'params'>;
  /** What was given away or came in and is held elsewhere, with its digest then. */
  readonly held: Map<Vector, string>;
}

/** What a sender has given by a round: its epochs change, and its last element is beyond all bounds in one message. */
function sumOf(sender: number, round: number, beyond: boolean): RuleMessage {
  const part = Float64Array.from(vectorOf(sender, 0), (value) => value * (round + 1));
  if (beyond) part[SIZE - 1] = Number.MAX_VALUE;
  const epoch = sender === 3 && round >= 4 ? 1 : 0;
  const numbers = [1, 0, epoch, 2 * round + (beyond ? 1 : 2), 0.1 * (round + 1)];
  if (epoch === 0) return { kind: 'sum', round, vectors: [part], numbers };
  return { kind: 'base', round, vectors: [part, new Float64Array(SIZE)], numbers: [...numbers, 0] };
}

function run(exclusive: boolean, linkBreaks: boolean): Told {
  const peer = new DrivenRule({
    rule: 'push-sum',
    self: 0,
    outNeighbours: SENDERS,
    inNeighbours: SENDERS,
    peerCount: 4,
  });
  const told: Told = { digests: [], refused: [], reused: new Set(), held: new Map() };
  const mine = new Set<Vector>();
  const hold = (vector: Vector) => {
    if (!mine.has(vector)) told.held.set(vector, vectorDigest(vector));
  };
  const hear = (from: number, message: RuleMessage) => {
    for (const vector of message.vectors) {
      if (exclusive) mine.add(vector);
      else hold(vector);
    }
    const event = { kind: 'received', from, incarnation: 1, message } as const;
    told.refused.push(...refusals(peer.step(exclusive ? { ...event, exclusive } : event)));
  };
  for (let round = 0; round < ROUNDS; round++) {
    const params = peer.completed ?? vectorOf(0, 99);
    told.held.set(params, vectorDigest(params));
    const actions = [...peer.begin(round, params)];
    if (linkBreaks && round === 3) {
      peer.down(2);
      peer.up(2);
    }
    for (const from of SENDERS) {
      if (round === 5) hear(from, sumOf(from, round, true));
      hear(from, sumOf(from, round, false));
      if (round === 6) hear(from, sumOf(from, round, false));
    }
    const trained = vectorOf(0, round);
    mine.add(trained);
    actions.push(...peer.step({ kind: 'trained', params: trained }));
    const after = peer.completed!;
    if (mine.delete(after)) told.reused.add('params');
    for (const { message } of sends(actions))
      for (const vector of message.vectors) {
        if (mine.delete(vector)) told.reused.add('sent');
        told.held.set(vector, vectorDigest(vector));
        told.digests.push(vectorDigest(vector));
      }
    told.digests.push(vectorDigest(after));
  }
  return told;
}

test.each([false, true])(
  'comes to the same bits whether its messages are its own or not (a link breaks: %s)',
  (breaks) => {
    const [own, shared] = [run(true, breaks), run(false, breaks)];
    expect(own.digests).toEqual(shared.digests);
    expect(own.refused).toEqual(shared.refused);
    expect(own.refused).toContain('impossible');
    expect(own.refused).toContain('duplicate');
    expect([...own.reused].sort()).toEqual(['params', 'sent']);
    expect([...shared.reused]).toEqual(['params']);
  },
);

test.each([true, false])('never changes what others may hold (messages its own: %s)', (exclusive) => {
  for (const breaks of [false, true])
    for (const [vector, digest] of run(exclusive, breaks).held) expect(vectorDigest(vector)).toBe(digest);
});

test('a gift may not move an element beyond the bound; what is beyond it without one does not matter', () => {
  const next = new Float64Array(3);
  const [y, part, before] = [Float64Array.of(1, 9, 3), Float64Array.of(5, 7, 6), Float64Array.of(2, 7, 4)];
  expect(plusGift(next, y, part, before, 5)).toBe(true);
  expect([...next]).toEqual([4, 9, 5]);
  expect(plusGift(next, y, part, before, 4)).toBe(false);
});
