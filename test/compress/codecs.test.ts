/** Codecs: the seam's suite, and each against its definition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noiseOf, parseCompressor } from '../../src/compress/index.ts';
import { decodeIndices, encodeIndices, indexBytesMax } from '../../src/compress/indices.ts';
import { decodeLevels, encodeLevels } from '../../src/compress/levels.ts';
import { quantise, varianceOf } from '../../src/compress/qsgd.ts';
import { largestOf } from '../../src/compress/select.ts';
import type { Vector } from '../../src/params/layout.ts';
import known from '../fixtures/compression.json' with { type: 'json' };
import { codecConformance } from './codec.conformance.ts';

for (const kind of ['identity', 'fp16', 'int8', 'sign', 'top-k', 'random-k', 'qsgd']) codecConformance(kind);
codecConformance({ kind: 'sign', block: 64 });
codecConformance({ kind: 'top-k', count: 1 });
codecConformance({ kind: 'top-k', share: 1 });
codecConformance({ kind: 'random-k', share: 0.5 });
codecConformance({ kind: 'qsgd', levels: 1 });
codecConformance({ kind: 'qsgd', levels: 4, scaled: false });
codecConformance({ kind: 'qsgd', levels: 1000 });

function through<Given extends Vector>(
  spec: string | Readonly<Record<string, unknown>>,
  vector: Given,
  chance = noiseOf(1),
): Given {
  const parsed = parseCompressor(spec);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  const into = vector.slice() as Given;
  expect(parsed.codec.decode(parsed.codec.encode(vector, chance), into)).toBeUndefined();
  return into;
}

describe('qsgd-quantiser', () => {
  // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
  const { inputs, expected, tolerance } = known.cases.find(({ id }) => id === 'qsgd-quantiser') as any;
  const vector = Float64Array.from(inputs.v);
  const drawn = () => {
    let next = 0;
    return () => inputs.u[next++] as number;
  };
  const close = (got: ArrayLike<number>, wanted: readonly number[]) => {
    expect(got).toHaveLength(wanted.length);
    for (const [index, value] of wanted.entries())
      expect(Math.abs(got[index]! - value)).toBeLessThanOrEqual(tolerance.abs);
  };

  test('levels, τ and δ are the known ones', () => {
    close(quantise(vector, inputs.s, drawn()).levels.map(Math.abs), expected.levels);
    close([varianceOf(vector.length, inputs.s)], [expected.tau]);
    const parsed = parseCompressor({ kind: 'qsgd', levels: inputs.s });
    close([(parsed.ok && parsed.codec.contractionOf(vector.length)) || 0], [expected.omega]);
  });

  test.each([
    ['unbiased', false],
    ['contractive', true],
  ])('encoded and decoded, the %s vector is the known one', (key, scaled) => {
    close(through({ kind: 'qsgd', levels: inputs.s, scaled }, vector, drawn()), expected[key]);
  });

  test('the mean over 4,000 draws is the vector itself where it is not scaled', () => {
    const chance = noiseOf(3);
    const sum = new Float64Array(vector.length);
    for (let draw = 0; draw < 4000; draw++) {
      const result = through({ kind: 'qsgd', levels: 4, scaled: false }, vector, chance);
      for (const [index, value] of result.entries()) sum[index]! += value / 4000;
    }
    for (const [index, value] of vector.entries()) expect(Math.abs(sum[index]! - value)).toBeLessThan(0.03);
  });
});

describe('fp16', () => {
  test.each([
    [1, 1],
    [-2.5, -2.5],
    [0.1, 0.0999755859375],
    [65504, 65504],
    [65519, 65504],
    [1e9, 65504],
    [-1e9, -65504],
    [2 ** -24, 2 ** -24],
    [2 ** -25, 0], // a tie: to even
    [1.5 * 2 ** -24, 2 * 2 ** -24],
    [2.5 * 2 ** -24, 2 * 2 ** -24],
    [2049, 2048],
    [2051, 2052],
    [2 ** -14 * (1 - 2 ** -12), 2 ** -14],
  ])('%f becomes %f', (value, wanted) => {
    expect(through('fp16', Float32Array.of(value))[0]).toBe(wanted);
  });

  test('every half decodes to itself', () => {
    const parsed = parseCompressor('fp16');
    if (!parsed.ok) throw new Error();
    const finite = Uint16Array.from({ length: 65536 }, (_, half) => half).filter(
      (half) => (half & 0x7fff) < 0x7c00 && half !== 0x8000,
    );
    const bytes = new Uint8Array(finite.buffer);
    const values = new Float32Array(finite.length);
    expect(parsed.codec.decode(bytes, values)).toBeUndefined();
    expect(parsed.codec.encode(values, noiseOf(1))).toEqual(bytes);
  });

  test('is at most half a unit in the last place away', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -65504, max: 65504 }), (value) => {
        const unit = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(Math.fround(value)) || 1)) - 10);
        const result = through('fp16', Float32Array.of(value))[0]!;
        expect(Math.abs(result - Math.fround(value))).toBeLessThanOrEqual(unit / 2);
      }),
    );
  });
});

test('scaled sign by hand: the mean magnitude with each sign, and + for 0', () => {
  expect([...through('sign', Float64Array.of(1, -2, 0, 5))]).toEqual([2, -2, 2, 2]);
});

test('scaled sign in blocks: each has its own scale, the last one what is left', () => {
  const vector = Float64Array.from(
    { length: 150 },
    (_, index) => (index % 2 === 0 ? 1 : -1) * 10 ** (index >> 6),
  );
  expect([...through({ kind: 'sign', block: 64 }, vector)]).toEqual([...vector]);
  const parsed = parseCompressor({ kind: 'sign', block: 128 });
  expect(parsed.ok && parsed.codec.encode(new Float32Array(650), noiseOf(1)).length).toBe(6 * 2 + 82);
  for (const block of [0, 100, 1.5, '64']) {
    const wrong = parseCompressor({ kind: 'sign', block });
    expect(wrong.ok ? '' : wrong.problems.join()).toMatch(/multiple of 64/);
  }
});

test('scaled sign of f32: a scale of two bytes, to the nearest of eight binary digits, and never infinite', () => {
  const scaleOf = (value: number) => through('sign', Float32Array.of(value, -value))[0];
  expect([1, 1 + 2 ** -9, 1 + 2 ** -8, 1 + 2 ** -7, 3, 0].map(scaleOf)).toEqual([
    1,
    1,
    1 + 2 ** -7,
    1 + 2 ** -7,
    3,
    0,
  ]);
  const largest = 2 ** 128 - 2 ** 104;
  expect(scaleOf(largest)).toBe(2 ** 128 - 2 ** 120);
  for (let seed = 0; seed < 200; seed++) {
    const value = noiseOf(seed)() * 2 ** (seed % 60);
    expect(Math.abs(scaleOf(value)! / value - 1)).toBeLessThanOrEqual(2 ** -8);
  }
  const parsed = parseCompressor('sign');
  expect(parsed.ok && parsed.codec.encode(new Float32Array(650), noiseOf(1)).length).toBe(84);
});

test('int8 by hand: 127 steps to the largest of 256 elements', () => {
  const vector = new Float32Array(257);
  vector.set([127, -1.4, 0.6, -127]);
  vector[256] = 1e-3;
  const result = through('int8', vector);
  expect([...result.subarray(0, 4)]).toEqual([127, -1, 1, -127]);
  expect(result[256]).toBeCloseTo(1e-3, 9);
});

describe('top-k', () => {
  const sortedIndices = (vector: Vector, count: number) =>
    [...vector.keys()]
      .sort((a, b) => Math.abs(vector[b]!) - Math.abs(vector[a]!) || a - b)
      .slice(0, count)
      .sort((a, b) => a - b);
  const element = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }),
    fc.constantFrom(0, -0, 1, -1, 2, 1 + 2 ** -20, 5e-324, 1e-42),
  );

  test('keeps what sorting by magnitude, then by index, would keep', () => {
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 60 }), fc.nat(), (values, pick) => {
        for (const vector of [Float32Array.from(values), Float64Array.from(values)]) {
          const count = 1 + (pick % vector.length);
          expect([...largestOf(vector, count)]).toEqual(sortedIndices(vector, count));
        }
      }),
    );
  });

  test('in the middle of larger memory', () => {
    const vector = Float64Array.of(9, 9, 1, -3, 3, 2, 9).subarray(2, 6);
    expect([...largestOf(vector, 2)]).toEqual([1, 2]);
  });

  test('the kept are exact, the others 0', () => {
    expect([...through({ kind: 'top-k', count: 2 }, Float32Array.of(1, -3, 0.1, 3, 3))]).toEqual([
      0, -3, 0, 3, 0,
    ]);
  });
});

test('random-k keeps k different elements, each equally often', () => {
  const vector = Float32Array.from({ length: 10 }, (_, index) => index + 1);
  const chance = noiseOf(5);
  const kept = new Float64Array(10);
  for (let draw = 0; draw < 3000; draw++) {
    const result = through({ kind: 'random-k', count: 3 }, vector, chance);
    const indices = [...result.keys()].filter((index) => result[index] !== 0);
    expect(indices).toHaveLength(3);
    for (const index of indices) kept[index]! += 1;
  }
  for (const times of kept) expect(Math.abs(times - 900)).toBeLessThan(130);
});

describe('the entropy stage', () => {
  test('indices come back, in no more bytes than declared and 3 % above what they tell', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(), fc.nat(), (length, pick, seed) => {
        const noise = noiseOf(seed);
        const count = 1 + (pick % length);
        const indices = largestOf(Float64Array.from({ length }, noise), count);
        const bytes = encodeIndices(indices, length);
        expect(decodeIndices(bytes, length, count).join()).toBe(indices.join());
        expect(bytes.length).toBeLessThanOrEqual(indexBytesMax(length, count));
        let bits = 0;
        for (let at = 0; at < count; at++) bits += Math.log2((length - at) / (at + 1));
        expect(8 * bytes.length).toBeLessThanOrEqual(1.03 * bits + 24);
      }),
      { numRuns: 30 },
    );
  });

  test('clustered indices do not grow beyond the bound either', () => {
    for (const length of [1000, 70_000]) {
      for (const count of [1, 7, 500]) {
        for (const first of [0, length - count]) {
          const indices = Uint32Array.from({ length: count }, (_, at) => first + at);
          const bytes = encodeIndices(indices, length);
          expect(bytes.length).toBeLessThanOrEqual(indexBytesMax(length, count));
          expect(decodeIndices(bytes, length, count)).toEqual(indices);
        }
      }
    }
  });

  test('levels come back, whatever they are', () => {
    const largest = fc.constantFrom(1, 2, 3, 4, 16, 127, 128, 1000, 32767);
    fc.assert(
      fc.property(
        largest,
        fc.array(fc.double({ min: -1, max: 1, noNaN: true })),
        fc.boolean(),
        (s, drawn, wild) => {
          const levels = Int16Array.from(drawn, (value) =>
            Math.round(s * (wild ? Math.sign(value) : value ** 5)),
          );
          const into = new Float64Array(levels.length);
          decodeLevels(encodeLevels(levels, s), into, s);
          expect(into.map((value) => value + 0)).toEqual(Float64Array.from(levels));
        },
      ),
    );
  });

  test('levels of a normal vector cost less than 5 % more than their entropy', () => {
    const noise = noiseOf(9);
    const normal = () => Math.sqrt(-2 * Math.log(1 - noise())) * Math.cos(2 * Math.PI * noise());
    const vector = Float32Array.from({ length: 20_000 }, normal);
    const { levels } = quantise(vector, 64, noise);
    const counts = new Map<number, number>();
    for (const level of levels) counts.set(level, (counts.get(level) ?? 0) + 1);
    let bits = 0;
    for (const count of counts.values()) bits -= count * Math.log2(count / levels.length);
    expect(8 * encodeLevels(levels, 64).length).toBeLessThan(1.05 * bits);
  });
});

test.each([
  ['zip', /zip/],
  [{ kind: 'top-k', count: 0 }, /count is 0/],
  [{ kind: 'top-k', count: 1.5 }, /count is 1.5/],
  [{ kind: 'top-k', share: 1.1 }, /share is 1.1/],
  [{ kind: 'random-k', share: 0 }, /share is 0/],
  [{ kind: 'random-k', share: 0.1, count: 3 }, /not both/],
  [{ kind: 'qsgd', levels: 0 }, /levels is 0/],
  [{ kind: 'qsgd', scaled: 'yes' }, /scaled is "yes"/],
  [7, /compressor is 7/],
  [null, /compressor is null/],
  [{}, /compressor is/],
])('%j is refused in words', (given, words) => {
  const parsed = parseCompressor(given);
  expect(parsed.ok ? '' : parsed.problems.join('; ')).toMatch(words);
});
