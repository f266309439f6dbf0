/**
 * A codec on blocks of a vector, one after another: what it says of its vector (a scale) it says of each block, as the layers of a model,
 * and the units of a layer, change by very different amounts. ‖x − Q(x)‖² is the sum over the blocks, so δ is that of a block.
 */
import { precisionOf, type Vector } from '../params/layout.ts';
import { type Codec, wrongSize } from './codec.ts';

/** `size` elements a block, the last one what is left. `codec` has a fixed size for each length. */
export function inBlocks(codec: Codec, size: number): Codec {
  const bytesOf: Codec['bytesOf'] = (length, precision) => {
    const of = (count: number) => codec.bytesOf(count, precision).bytesMax;
    const rest = length % size;
    const bytes = Math.floor(length / size) * of(size) + (rest === 0 ? 0 : of(rest));
    return { bytesMin: bytes, bytesMax: bytes };
  };
  const eachBlock = (
    bytes: Uint8Array,
    into: Vector,
    use: (piece: Uint8Array, start: number, end: number) => string | undefined,
  ): string | undefined => {
    const precision = precisionOf(into);
    const problem = wrongSize(bytes, bytesOf(into.length, precision).bytesMax);
    if (problem !== undefined) return problem;
    const each = codec.bytesOf(size, precision).bytesMax;
    for (let start = 0, at = 0; start < into.length; start += size, at += each) {
      const wrong = use(bytes.subarray(at, at + each), start, Math.min(start + size, into.length));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
  return {
    bytesOf,
    encode(vector, chance) {
      const bytes = new Uint8Array(bytesOf(vector.length, precisionOf(vector)).bytesMax);
      for (let start = 0, at = 0; start < vector.length; start += size) {
        const piece = codec.encode(vector.subarray(start, start + size), chance);
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    },
    decode: (bytes, into) =>
      eachBlock(bytes, into, (piece, start, end) => codec.decode(piece, into.subarray(start, end))),
    contractionOf: (length) => codec.contractionOf(Math.min(length, size)),
    lengthMin: 1,
  };
}
