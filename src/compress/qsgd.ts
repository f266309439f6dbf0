/**
 * QSGD (Alistarh et al. 2017, §3.1): |x_i|·s/‖x‖ rounded at random to one of its two neighbours among the integers 0 to s:
 *   Q(x)_i = sign(x_i)·‖x‖·l_i/s,  l_i = ⌊a⌋ + [u_i < a − ⌊a⌋],  a = s·|x_i|/‖x‖.
 * Unbiased, with E‖Q(x)‖² ≤ τ‖x‖², τ = 1 + min(d/s², √d/s). Scaled down by τ (the default) it is a contraction with δ = 1/τ, which
 * CHOCO-SGD needs (Koloskova et al. 2019, §3.5). Our deviation: the levels travel by adaptive arithmetic coding instead of
 * Elias codes. Layout: ‖x‖ in the vector's precision, then the coded levels.
 */
import { shown } from '../base/schema-problems.ts';
import { precisionOf, type Vector } from '../params/layout.ts';
import { type Chance, type Codec, type Compressor, readNumber, widthOf, writeNumber } from './codec.ts';
import { decodeLevels, encodeLevels, levelBytesMax } from './levels.ts';

const LEVELS_DEFAULT = 16;
const LEVELS_MAX = 32767;
/** 1 less half a unit of a chance of 32 bits. */
const UP = 1 - 2 ** -33;

interface QsgdOptions {
  /** s. */
  readonly levels: number;
  /** Whether divided by τ. */
  readonly scaled: boolean;
}

/** Integers from −s to s, and ‖x‖. Norms of huge vectors may be infinite: the decoder refuses them. */
export function quantise(vector: Vector, s: number, chance: Chance): { levels: Int16Array; norm: number } {
  let squares = 0;
  for (let index = 0; index < vector.length; index++) squares += vector[index]! * vector[index]!;
  const norm = Math.sqrt(squares);
  const levels = new Int16Array(vector.length);
  if (norm === 0) return { levels, norm };
  const perUnit = s / norm;
  for (let index = 0; index < levels.length; index++) {
    const exact = vector[index]! * perUnit;
    // ⌊a + 1 − u⌋ is 1 more than ⌊a⌋ just where u < a − ⌊a⌋, up to half a unit of u: without a branch that nobody can predict.
    const level = (Math.abs(exact) + (UP - chance())) | 0;
    // The rounding of the norm may lead beyond s.
    levels[index] = Math.sign(exact) * Math.min(level, s);
  }
  return { levels, norm };
}

/** τ = 1 + min(d/s², √d/s). */
export function varianceOf(length: number, s: number): number {
  return 1 + Math.min(length / s ** 2, Math.sqrt(length) / s);
}

function codecOf({ levels: s, scaled }: QsgdOptions): Codec {
  return {
    bytesOf(length, precision) {
      const bytesMin = widthOf(precision);
      return { bytesMin, bytesMax: bytesMin + levelBytesMax(length, s) };
    },
    encode(vector, chance) {
      const precision = precisionOf(vector);
      const width = widthOf(precision);
      const { levels, norm } = quantise(vector, s, chance);
      const packed = encodeLevels(levels, s);
      const bytes = new Uint8Array(width + packed.length);
      writeNumber(bytes, 0, norm, precision);
      bytes.set(packed, width);
      return bytes;
    },
    decode(bytes, into) {
      const precision = precisionOf(into);
      const width = widthOf(precision);
      if (bytes.length < width) return `${bytes.length} bytes, wanted ${width} at least`;
      const norm = readNumber(bytes, 0, precision);
      if (!(norm >= 0 && norm < Number.POSITIVE_INFINITY))
        return 'the norm is not a finite number of at least 0';
      const unit = norm / (s * (scaled ? varianceOf(into.length, s) : 1));
      decodeLevels(bytes.subarray(width), into, s);
      for (let index = 0; index < into.length; index++) into[index] = unit * into[index]!;
      return undefined;
    },
    contractionOf: (length) => (scaled ? 1 / varianceOf(length, s) : undefined),
    lengthMin: 1,
  };
}

export const qsgd: Compressor = {
  kind: 'qsgd',
  summary: 'random rounding to s levels of the norm: some bits an element',
  parse(options) {
    const { levels = LEVELS_DEFAULT, scaled = true, ...unknown } = options;
    const problems = Object.keys(unknown).map((key) => `unknown option ${key}; qsgd takes levels, scaled`);
    if (!(Number.isInteger(levels) && (levels as number) >= 1 && (levels as number) <= LEVELS_MAX))
      problems.push(`levels is ${shown(levels)}; it must be an integer from 1 to ${LEVELS_MAX}`);
    if (typeof scaled !== 'boolean') problems.push(`scaled is ${shown(scaled)}; it must be true or false`);
    if (problems.length > 0) return { ok: false, problems };
    const given = { levels, scaled } as QsgdOptions;
    return { ok: true, spec: { kind: 'qsgd', ...given }, codec: codecOf(given) };
  },
};
