/**
 * Scaled sign: Q(x) = (‖x‖₁/d)·sign(x), with sign(0) = +1: a bit an element (Karimireddy et al. 2019, "Error feedback fixes
 * SignSGD", Lemma 8). ‖x − Q(x)‖² = ‖x‖² − ‖x‖₁²/d, so δ = ‖x‖₁²/(d·‖x‖²): 2/π for normal elements, 1/d at worst.
 * Layout: the scale, then the signs, lowest bit first; a set bit is negative. The scale of an f64 vector is f64, that of an f32 vector the
 * upper half of an f32, rounded (bfloat16): within 2⁻⁸ of the best one, so that δ is less by 2⁻¹⁶ of it.
 * `block`: so many elements have a scale of their own (blocks.ts; Zheng, Huang, Kwok 2019, "Communication-efficient distributed blockwise
 * momentum SGD"): with 128 an eighth more bytes, and far less lost where layers change by different amounts.
 */
import { shown } from '../base/schema-problems.ts';
import { plusSigned } from '../params/kernels.ts';
import { type Precision, precisionOf, type Vector } from '../params/layout.ts';
import { inBlocks } from './blocks.ts';
import { type Codec, type Compressor, OVERFLOW, readNumber, writeNumber, wrongSize } from './codec.ts';

const codec: Codec = {
  bytesOf(length, precision) {
    const bytes = scaleBytes(precision) + Math.ceil(length / 8);
    return { bytesMin: bytes, bytesMax: bytes };
  },
  encode(vector) {
    const { length } = vector;
    const precision = precisionOf(vector);
    const width = scaleBytes(precision);
    const bytes = new Uint8Array(width + Math.ceil(length / 8));
    let sum = 0;
    for (let start = 0, at = width; start < length; start += 8, at++) {
      const end = Math.min(start + 8, length);
      let signs = 0;
      for (let index = start; index < end; index++) {
        const value = vector[index]!;
        sum += Math.abs(value);
        if (value < 0) signs |= 1 << (index - start);
      }
      bytes[at] = signs;
    }
    writeScale(bytes, sum / length, precision);
    return bytes;
  },
  decode(bytes, into) {
    const scale = soundScale(bytes, into);
    if (typeof scale === 'string') return scale;
    const width = scaleBytes(precisionOf(into));
    for (let index = 0; index < into.length; index++)
      into[index] = (bytes[width + (index >>> 3)]! >>> (index & 7)) & 1 ? -scale : scale;
    return undefined;
  },
  addTo(bytes, base, into) {
    const scale = soundScale(bytes, into);
    if (typeof scale === 'string') return scale;
    const signs = bytes.subarray(scaleBytes(precisionOf(into)));
    return plusSigned(base, scale, signs, into) ? undefined : OVERFLOW;
  },
  contractionOf: (length) => (1 - 2 ** -16) / length,
  lengthMin: 1,
};

/** The scale, or what is wrong with the bytes. */
function soundScale(bytes: Uint8Array, into: Vector): number | string {
  const precision = precisionOf(into);
  const problem = wrongSize(bytes, scaleBytes(precision) + Math.ceil(into.length / 8));
  if (problem !== undefined) return problem;
  const scale = readScale(bytes, precision);
  const isSound = scale >= 0 && scale < Number.POSITIVE_INFINITY;
  return isSound ? scale : 'the scale is not a finite number of at least 0';
}

function scaleBytes(precision: Precision): 2 | 8 {
  return precision === 'f32' ? 2 : 8;
}

function writeScale(bytes: Uint8Array, scale: number, precision: Precision): void {
  if (precision === 'f64') return writeNumber(bytes, 0, scale, precision);
  const whole = new Uint32Array(Float32Array.of(scale).buffer)[0]!;
  // To the nearest, ties up; what is not finite stays so, and the largest numbers do not become infinite.
  const half = whole >= INFINITE ? whole >>> 16 : Math.min((whole + 0x8000) >>> 16, LARGEST_HALF);
  bytes[0] = half & 0xff;
  bytes[1] = half >>> 8;
}

function readScale(bytes: Uint8Array, precision: Precision): number {
  if (precision === 'f64') return readNumber(bytes, 0, precision);
  return readNumber(Uint8Array.of(0, 0, bytes[0]!, bytes[1]!), 0, precision);
}

/** The bits of the f32 infinity, and the upper half of the largest f32 below it. */
const INFINITE = 0x7f800000;
const LARGEST_HALF = 0x7f7f;

/** Whole bytes of signs, and not more scales than a quarter of them. */
const BLOCK_UNIT = 64;

export const sign: Compressor = {
  kind: 'sign',
  summary: 'scaled sign: 1 bit an element, and with `block` a scale for every so many',
  parse({ block, ...unknown }) {
    const problems = Object.keys(unknown).map((key) => `unknown option ${key}; sign takes block`);
    const fits = Number.isSafeInteger(block) && (block as number) > 0 && (block as number) % BLOCK_UNIT === 0;
    if (block !== undefined && !fits)
      problems.push(`block is ${shown(block)}; it must be a multiple of ${BLOCK_UNIT}`);
    if (problems.length > 0) return { ok: false, problems };
    if (block === undefined) return { ok: true, spec: { kind: 'sign' }, codec };
    return { ok: true, spec: { kind: 'sign', block }, codec: inBlocks(codec, block as number) };
  },
};
