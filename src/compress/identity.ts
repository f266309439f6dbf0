/** No compression: the vector's own bytes. Every rule with a compressor can thus be measured against itself without one. */

import { allFinite } from '../params/kernels.ts';
import { bytesOf, precisionOf } from '../params/layout.ts';
import { type Codec, type Compressor, widthOf, withoutOptions, wrongSize } from './codec.ts';

const codec: Codec = {
  bytesOf(length, precision) {
    const bytes = length * widthOf(precision);
    return { bytesMin: bytes, bytesMax: bytes };
  },
  encode: (vector) => bytesOf(vector).slice(),
  decode(bytes, into) {
    const problem = wrongSize(bytes, into.length * widthOf(precisionOf(into)));
    if (problem !== undefined) return problem;
    bytesOf(into).set(bytes);
    return allFinite(into) ? undefined : 'an element is not finite';
  },
  contractionOf: () => 1,
  lengthMin: 1,
};

export const identity: Compressor = {
  kind: 'identity',
  summary: 'no compression',
  parse: withoutOptions('identity', codec),
};
