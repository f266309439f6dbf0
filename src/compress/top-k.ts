/**
 * Top-k: the k elements of largest magnitude, the others zero (Stich et al. 2018, "Sparsified SGD with memory"); ties go to the lowest
 * index. δ = k/d. Layout: the k values in ascending index order, then which indices they have, in log₂ C(d, k) bits.
 */
import { allFinite } from '../params/kernels.ts';
import { bytesOf, precisionOf, zeros } from '../params/layout.ts';
import { type Codec, type Compressor, widthOf } from './codec.ts';
import { decodeIndices, encodeIndices, indexBytesMax } from './indices.ts';
import { type Kept, keptOf, parseKept } from './kept.ts';
import { largestOf } from './select.ts';

function codecOf(kept: Kept): Codec {
  return {
    bytesOf(length, precision) {
      const count = keptOf(kept, length);
      const bytesMin = count * widthOf(precision);
      return { bytesMin, bytesMax: bytesMin + indexBytesMax(length, count) };
    },
    encode(vector) {
      const indices = largestOf(vector, keptOf(kept, vector.length));
      const values = zeros(precisionOf(vector), indices.length);
      for (let at = 0; at < indices.length; at++) values[at] = vector[indices[at]!]!;
      const packed = encodeIndices(indices, vector.length);
      const bytes = new Uint8Array(values.byteLength + packed.length);
      bytes.set(bytesOf(values));
      bytes.set(packed, values.byteLength);
      return bytes;
    },
    decode(bytes, into) {
      const values = zeros(precisionOf(into), keptOf(kept, into.length));
      if (bytes.length < values.byteLength)
        return `${bytes.length} bytes, wanted ${values.byteLength} at least`;
      bytesOf(values).set(bytes.subarray(0, values.byteLength));
      if (!allFinite(values)) return 'a value is not finite';
      const indices = decodeIndices(bytes.subarray(values.byteLength), into.length, values.length);
      into.fill(0);
      for (let at = 0; at < indices.length; at++) into[indices[at]!] = values[at]!;
      return undefined;
    },
    contractionOf: (length) => keptOf(kept, length) / length,
    lengthMin: kept.count ?? 1,
  };
}

export const topK: Compressor = {
  kind: 'top-k',
  summary: 'the k elements of largest magnitude: 4 bytes and an index of some bits each',
  parse: (options) => parseKept('top-k', options, codecOf),
};
