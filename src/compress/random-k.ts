/**
 * Random-k: k elements chosen uniformly, the others zero (Stich et al. 2018). δ = k/d in expectation. The choice is a function of a 32-bit
 * seed, which travels instead of the indices. Layout: the seed, then the k values in ascending index order.
 */
import { allFinite } from '../params/kernels.ts';
import { bytesOf, precisionOf, zeros } from '../params/layout.ts';
import { type Codec, type Compressor, widthOf, wrongSize } from './codec.ts';
import { type Kept, keptOf, parseKept } from './kept.ts';
import { noiseOf } from './noise.ts';

const SEED_BYTES = 4;

function codecOf(kept: Kept): Codec {
  return {
    bytesOf(length, precision) {
      const bytes = SEED_BYTES + keptOf(kept, length) * widthOf(precision);
      return { bytesMin: bytes, bytesMax: bytes };
    },
    encode(vector, chance) {
      const values = zeros(precisionOf(vector), keptOf(kept, vector.length));
      const seed = Math.floor(chance() * 2 ** 32);
      choose(seed, vector.length, values.length, (index, at) => {
        values[at] = vector[index]!;
      });
      const bytes = new Uint8Array(SEED_BYTES + values.byteLength);
      new DataView(bytes.buffer).setUint32(0, seed, true);
      bytes.set(bytesOf(values), SEED_BYTES);
      return bytes;
    },
    decode(bytes, into) {
      const values = zeros(precisionOf(into), keptOf(kept, into.length));
      const problem = wrongSize(bytes, SEED_BYTES + values.byteLength);
      if (problem !== undefined) return problem;
      bytesOf(values).set(bytes.subarray(SEED_BYTES));
      if (!allFinite(values)) return 'a value is not finite';
      const seed = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      into.fill(0);
      choose(seed, into.length, values.length, (index, at) => {
        into[index] = values[at]!;
      });
      return undefined;
    },
    contractionOf: (length) => keptOf(kept, length) / length,
    lengthMin: kept.count ?? 1,
  };
}

/** Calls `take` with `count` of `length` indices, ascending, each set of them equally likely (Knuth, TAOCP 2, algorithm 3.4.2 S). */
function choose(
  seed: number,
  length: number,
  count: number,
  take: (index: number, at: number) => void,
): void {
  const noise = noiseOf(seed);
  let at = 0;
  for (let index = 0; at < count; index++) if ((length - index) * noise() < count - at) take(index, at++);
}

export const randomK: Compressor = {
  kind: 'random-k',
  summary: 'k elements chosen at random: 4 bytes each and a seed',
  parse: (options) => parseKept('random-k', options, codecOf),
};
