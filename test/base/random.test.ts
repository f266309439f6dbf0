import { expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';

it('draws integers as the plain formula does: refused from the last multiple of count on, else the remainder', () => {
  for (const count of [1, 2, 3, 64, 1797, 2 ** 31, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 1, 2 ** 32]) {
    const [drawn, source] = [Random.of(4, count), Random.of(4, count)];
    for (let index = 0; index < 200; index++) {
      let draw = source.uint32();
      while (draw >= 2 ** 32 - (2 ** 32 % count)) draw = source.uint32();
      expect(drawn.integer(count), `below ${count}`).toBe(draw % count);
    }
  }
  for (const bad of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
    expect(() => Random.of(1).integer(bad)).toThrow(`integer(${bad})`);
  }
});

it('shuffles to a permutation that a seed gives again', () => {
  const shuffled = Random.of(1, 'order').shuffle([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...shuffled].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(Random.of(1, 'order').shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toEqual(shuffled);
});
