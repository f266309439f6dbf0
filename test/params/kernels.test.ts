/** The mixing kernels: WebAssembly for f32 gives the bits of the definition, whatever the lengths, weights and values. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plusDifferences, plusSigned, weightedSum, weightedSumInto } from '../../src/params/kernels.ts';
import { vectorDigest } from '../../src/params/layout.ts';

const value = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e-45, -1e-42, 3.4e38, 1, -1),
);
const weight = fc.oneof(fc.double({ noNaN: true, min: -2, max: 2 }), fc.constantFrom(0, -0, 1, 1 / 3));
const settings = fc.record({
  size: fc.constantFrom(1, 1000, 2047, 2048, 2051, 4096, 4099),
  drawn: fc.array(value, { minLength: 1, maxLength: 37 }),
  weights: fc.array(weight, { minLength: 1, maxLength: 9 }),
});

function termsOf({ size, drawn, weights }: { size: number; drawn: number[]; weights: number[] }) {
  return weights.map((weight, term) => ({
    weight,
    vector: Float32Array.from({ length: size }, (_, index) => drawn[(index * 7 + term * 11) % drawn.length]!),
  }));
}

test('a weighted sum is Σ weight·value in f64 in the order given, rounded once', () => {
  fc.assert(
    fc.property(settings, (setting) => {
      const terms = termsOf(setting);
      const wanted = Float32Array.from({ length: setting.size }, (_, index) =>
        terms.reduce((sum, { weight, vector }) => sum + weight * vector[index]!, 0),
      );
      expect(vectorDigest(weightedSum(terms))).toBe(vectorDigest(wanted));
      expect(vectorDigest(weightedSumInto(new Float32Array(setting.size).fill(5), terms))).toBe(
        vectorDigest(wanted),
      );
      for (const [index, { vector }] of terms.entries()) {
        const out = vector.slice();
        const inPlace = terms.map((term, at) => (at === index ? { ...term, vector: out } : term));
        expect(weightedSumInto(out, inPlace)).toBe(out);
        expect(vectorDigest(out)).toBe(vectorDigest(wanted));
      }
    }),
    { numRuns: 60 },
  );
});

test('base + factor·Σ weight·(value − reference) likewise', () => {
  fc.assert(
    fc.property(settings, weight, (setting, factor) => {
      const [base, reference, ...others] = termsOf({ ...setting, weights: [1, 1, ...setting.weights] });
      const wanted = Float32Array.from({ length: setting.size }, (_, index) => {
        const x = reference!.vector[index]!;
        const sum = others.reduce((total, { weight, vector }) => total + weight * (vector[index]! - x), 0);
        return base!.vector[index]! + factor * sum;
      });
      const got = plusDifferences(base!.vector, factor, others, reference!.vector);
      expect(vectorDigest(got)).toBe(vectorDigest(wanted));
      const out = base!.vector.slice();
      expect(plusDifferences(out, factor, others, reference!.vector, out)).toBe(out);
      expect(vectorDigest(out)).toBe(vectorDigest(wanted));
    }),
    { numRuns: 60 },
  );
});

test('base ± scale by one bit each, rounded once, says whether all of it is finite', () => {
  const scales = fc.oneof(
    fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1, Math.fround(1e38)),
  );
  fc.assert(
    fc.property(settings, scales, fc.infiniteStream(fc.nat(255)), (setting, scale, bytes) => {
      const base = termsOf({ ...setting, weights: [1] })[0]!.vector;
      const signs = Uint8Array.from({ length: Math.ceil(base.length / 8) }, () => bytes.next().value);
      const wanted = base.map(
        (one, index) => one + ((signs[index >> 3]! >> (index & 7)) & 1 ? -scale : scale),
      );
      const into = new Float32Array(base.length).fill(5);
      expect(plusSigned(base, scale, signs, into)).toBe(wanted.every(Number.isFinite));
      expect(vectorDigest(into)).toBe(vectorDigest(wanted));
      const exact = Float64Array.from(base);
      plusSigned(exact, scale, signs, exact);
      expect(vectorDigest(Float32Array.from(exact))).toBe(vectorDigest(wanted));
    }),
    { numRuns: 60 },
  );
});

test('f64, one element, and more terms than the fast path takes are summed all the same', () => {
  const many = Array.from({ length: 70 }, (_, term) => ({
    weight: term,
    vector: new Float32Array(1500).fill(2),
  }));
  expect(weightedSum(many)[1499]).toBe(70 * 69);
  const exact = weightedSum([
    { weight: 1, vector: new Float64Array(2000).fill(1e16) },
    { weight: 1, vector: new Float64Array(2000).fill(1) },
    { weight: -1, vector: new Float64Array(2000).fill(1e16) },
  ]);
  expect(exact[1999]).toBe(0);
  expect(plusDifferences(Float32Array.of(1), 1, [], Float32Array.of(9))[0]).toBe(1);
});
