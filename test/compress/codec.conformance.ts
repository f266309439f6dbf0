/** What every codec keeps to, whatever the vector and whatever the bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noiseOf, parseCompressor } from '../../src/compress/index.ts';
import { allFinite, squaredDistance } from '../../src/params/kernels.ts';
import { type Vector, vectorDigest, zeros } from '../../src/params/layout.ts';

const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 250, max: 600 }));
const values = fc.oneof(
  fc.double({ noNaN: true, min: -4, max: 4 }),
  fc.double({ noNaN: true, min: -6e4, max: 6e4 }),
  fc.constantFrom(0, -0, 1, -1, 1e-8, 0.1),
);

/** Vectors in both precisions, some of them mostly zero. */
const vectors: fc.Arbitrary<Vector> = fc
  .tuple(sizes, fc.boolean(), fc.nat(), fc.array(values, { minLength: 1, maxLength: 30 }), fc.boolean())
  .map(([size, single, seed, drawn, sparse]) => {
    const noise = noiseOf(seed);
    const vector = single ? new Float32Array(size) : new Float64Array(size);
    return vector.map(() =>
      sparse && noise() < 0.9 ? 0 : drawn[Math.floor(noise() * drawn.length)]! * (1 + noise()),
    );
  });

const squaredNorm = (vector: Vector) => squaredDistance(vector, zeros('f64', vector.length));

/** Runs the suite; `given` is what an experiment file would hold. */
export function codecConformance(given: string | Readonly<Record<string, unknown>>): void {
  const parsed = parseCompressor(given);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  const { codec, spec } = parsed;
  const boundsOf = (vector: Vector) =>
    codec.bytesOf(vector.length, vector instanceof Float32Array ? 'f32' : 'f64');
  const decoded = (bytes: Uint8Array, like: Vector) => {
    const into = zeros(like instanceof Float32Array ? 'f32' : 'f64', like.length).fill(7);
    expect(codec.decode(bytes, into)).toBeUndefined();
    return into;
  };

  describe(`codec ${JSON.stringify(given)}`, () => {
    test('an encoding keeps to the size declared and decodes to finite numbers, wherever its bytes lie', () => {
      fc.assert(
        fc.property(vectors, fc.nat(), fc.nat(7), (vector, seed, shift) => {
          const before = vector.slice();
          const bytes = codec.encode(vector, noiseOf(seed));
          expect(vectorDigest(vector)).toBe(vectorDigest(before));
          const { bytesMin, bytesMax } = boundsOf(vector);
          expect(bytes.length).toBeGreaterThanOrEqual(bytesMin);
          expect(bytes.length).toBeLessThanOrEqual(bytesMax);
          const moved = new Uint8Array(bytes.length + shift).subarray(shift);
          moved.set(bytes);
          const result = decoded(moved, vector);
          expect(allFinite(result)).toBe(true);
          expect(vectorDigest(result)).toBe(vectorDigest(decoded(bytes, vector)));
          expect(Buffer.compare(codec.encode(vector, noiseOf(seed)), bytes)).toBe(0);
        }),
        { numRuns: 40 },
      );
    });

    test.skipIf(codec.addTo === undefined)('adding in one pass is decoding and adding, to the bit', () => {
      fc.assert(
        fc.property(vectors, fc.nat(), (vector, seed) => {
          const bytes = codec.encode(vector, noiseOf(seed));
          const change = decoded(bytes, vector);
          const base = vector.map((one, index) => one * Math.sin(index));
          const into = zeros(vector instanceof Float32Array ? 'f32' : 'f64', vector.length).fill(7);
          expect(codec.addTo?.(bytes, base, into)).toBeUndefined();
          const wanted = base.map((one, index) => one + change[index]!);
          expect(vectorDigest(into)).toBe(vectorDigest(wanted));
          expect(codec.addTo?.(bytes.subarray(1), base, into)).toMatch(/wanted/);
        }),
        { numRuns: 40 },
      );
    });

    test('arbitrary bytes decode to finite numbers or a reason, and never throw', () => {
      const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 3000 }));
      fc.assert(
        fc.property(vectors, bytes, fc.boolean(), (like, given, fitted) => {
          const { bytesMin, bytesMax } = boundsOf(like);
          const size = fitted ? Math.min(bytesMax, Math.max(bytesMin, given.length)) : given.length;
          const tried = new Uint8Array(size);
          tried.set(given.subarray(0, size));
          const into = like.slice();
          const problem = codec.decode(tried, into);
          if (problem === undefined) expect(allFinite(into)).toBe(true);
          else expect(problem.length).toBeGreaterThan(3);
        }),
        { numRuns: 50 },
      );
    });

    test('a changed byte decodes to finite numbers or a reason', () => {
      fc.assert(
        fc.property(vectors, fc.nat(), fc.nat(), fc.nat(255), (vector, seed, at, value) => {
          const bytes = codec.encode(vector, noiseOf(seed));
          if (bytes.length > 0) bytes[at % bytes.length] = value;
          const into = vector.slice();
          if (codec.decode(bytes, into) === undefined) expect(allFinite(into)).toBe(true);
        }),
        { numRuns: 50 },
      );
    });

    test('the mean squared error is within 1 − δ of ‖x‖², chance aside', () => {
      const ofOne = (vector: Vector, seed: number) => {
        const result = decoded(codec.encode(vector, noiseOf(seed)), vector);
        return squaredNorm(result.map((value, index) => value - vector[index]!));
      };
      fc.assert(
        fc.property(vectors, fc.nat(1000), (vector, seed) => {
          const delta = codec.contractionOf(vector.length);
          const norm = squaredNorm(vector);
          if (delta === undefined || norm < 1e-12) return;
          expect(delta).toBeGreaterThanOrEqual(0);
          expect(delta).toBeLessThanOrEqual(1);
          const draws = ['random-k', 'qsgd'].includes(spec.kind) ? 200 : 1;
          let error = 0;
          for (let draw = 0; draw < draws; draw++) error += ofOne(vector, 1000 * draw + seed) / draws;
          expect(error).toBeLessThanOrEqual((1 - delta + (draws === 1 ? 1e-5 : 0.2)) * norm + 1e-9);
        }),
        { numRuns: 20 },
      );
    });

    test('what parse returns parses to itself, and an unknown option is named', () => {
      expect(parseCompressor(spec)).toMatchObject({ ok: true, spec });
      const wrong = parseCompressor({ ...spec, colour: 'red' });
      expect(wrong.ok ? '' : wrong.problems.join()).toMatch(/colour/);
    });
  });
}
