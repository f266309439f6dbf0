/**
 * Scaled sign: Q(x) = (‖x‖₁/d)·sign(x), with sign(0) = +1: a bit an element (Karimireddy et al. 2019, "Error feedback fixes
 * SignSGD", Lemma 8). ‖x − Q(x)‖² = ‖x‖² − ‖x‖₁²/d, so δ = ‖x‖₁²/(d·‖x‖²): 2/π for normal elements, 1/d at worst.
 * Layout: the scale in the vector's precision, then the signs, lowest bit first; a set bit is negative.
 */
import { precisionOf } from '../params/layout.ts';
import {
  type Codec,
  type Compressor,
  readNumber,
  widthOf,
  withoutOptions,
  writeNumber,
  wrongSize,
} from './codec.ts';

const codec: Codec = {
  bytesOf(length, precision) {
    const bytes = widthOf(precision) + Math.ceil(length / 8);
    return { bytesMin: bytes, bytesMax: bytes };
  },
  encode(vector) {
    const { length } = vector;
    const precision = precisionOf(vector);
    const width = widthOf(precision);
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
    writeNumber(bytes, 0, sum / length, precision);
    return bytes;
  },
  decode(bytes, into) {
    const precision = precisionOf(into);
    const width = widthOf(precision);
    const problem = wrongSize(bytes, width + Math.ceil(into.length / 8));
    if (problem !== undefined) return problem;
    const scale = readNumber(bytes, 0, precision);
    if (!(scale >= 0 && scale < Number.POSITIVE_INFINITY))
      return 'the scale is not a finite number of at least 0';
    for (let index = 0; index < into.length; index++)
      into[index] = (bytes[width + (index >>> 3)]! >>> (index & 7)) & 1 ? -scale : scale;
    return undefined;
  },
  contractionOf: (length) => 1 / length,
  lengthMin: 1,
};

export const sign: Compressor = {
  kind: 'sign',
  summary: 'scaled sign: 1 bit an element',
  parse: withoutOptions('sign', codec),
};
