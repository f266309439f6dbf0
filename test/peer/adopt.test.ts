/** Which answers to a request for state are believed, and what becomes of a peer's own rounds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { believe, joined, type Standing } from '../../src/peer/adopt.ts';

const answer = (peer: number, round: number, ...values: number[]) => ({
  peer,
  round,
  params: Float64Array.from(values.length === 0 ? [round] : values),
});
const standing = (given: Partial<Standing> = {}): Standing => ({
  ownRound: 10,
  slackRounds: 1,
  reach: () => 3,
  ...given,
});
const believed = (answers: ReturnType<typeof answer>[], given: Partial<Standing> = {}) => {
  const belief = believe(answers, standing(given));
  return (
    belief && {
      round: belief.round,
      confirmed: belief.confirmed,
      peers: belief.answers.map(({ peer }) => peer),
    }
  );
};

describe('believe', () => {
  test('nobody ahead: nothing', () => {
    expect(believed([answer(1, 10), answer(2, 7)])).toBeUndefined();
  });

  test('two that agree are confirmed, and the most advanced of them counts', () => {
    expect(believed([answer(1, 30), answer(2, 32)])).toEqual({ round: 32, confirmed: true, peers: [2, 1] });
  });

  test('one that is far ahead of all others is passed over where others are ahead and agree', () => {
    const answers = [answer(1, 30), answer(2, 900), answer(3, 31)];
    expect(believed(answers)).toEqual({ round: 31, confirmed: true, peers: [3, 1] });
  });

  test('after a partition the only one from the other side is taken, unconfirmed', () => {
    expect(believed([answer(1, 30), answer(2, 10), answer(3, 11)])).toEqual({
      round: 30,
      confirmed: false,
      peers: [1],
    });
  });

  test('no answer is taken that is not ahead, whatever is answered', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 6 }), fc.nat(40), (rounds, ownRound) => {
        const belief = believe(
          rounds.map((round, peer) => answer(peer, round)),
          standing({ ownRound }),
        );
        expect(belief === undefined).toBe(rounds.every((round) => round <= ownRound));
        if (belief !== undefined) expect(belief.round).toBeGreaterThan(ownRound);
      }),
    );
  });
});

describe('joined', () => {
  const join = (
    answers: ReturnType<typeof answer>[],
    ownRounds: number,
    theirRounds: number,
    own = [0, 0],
  ) => {
    const { round } = answers[0]!;
    return [
      ...joined(Float64Array.from(own), { answers, round, confirmed: true }, { ownRounds, theirRounds }),
    ];
  };

  test('without own rounds it is what was answered: the mean of two, the median of more', () => {
    expect(join([answer(1, 5, 1, 2)], 0, 5)).toEqual([1, 2]);
    expect(join([answer(1, 5, 1, 2), answer(2, 5, 3, 4)], 0, 5)).toEqual([2, 3]);
    expect(join([answer(1, 5, 1, 2), answer(2, 5, 3, 4), answer(3, 5, 2, -1e30)], 0, 5)).toEqual([2, 2]);
  });

  test('own rounds and theirs weigh by their numbers', () => {
    expect(join([answer(1, 5, 8, 4)], 1, 3, [4, 0])).toEqual([7, 3]);
  });

  test('any one false answer among three leaves each coordinate between the honest ones', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        fc.double({ noNaN: true }),
        fc.double({ noNaN: true }),
        (a, b, lie) => {
          const [value] = join([answer(1, 5, a), answer(2, 5, lie), answer(3, 5, b)], 0, 1, [0]);
          expect(value).toBeGreaterThanOrEqual(Math.min(a, b));
          expect(value).toBeLessThanOrEqual(Math.max(a, b));
        },
      ),
    );
  });
});
