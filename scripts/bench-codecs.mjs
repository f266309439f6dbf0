/**
 * How fast the codecs of src/compress/ are and how small their encodings: CPU time (user + system) for a normal vector.
 *   npm run build && npm run bench:codecs [-- elements]
 * Throughput is of float input, 4 bytes an element. "before the entropy stage" leaves out the arithmetic coding of levels and indices.
 * The last lines code the same levels and indices with zlib instead (raw deflate, Huffman only, and its default).
 */
import { constants, deflateRawSync } from 'node:zlib';
import { BitEncoder } from '../dist/compress/binary-coder.js';
import { noiseOf, parseCompressor } from '../dist/compress/index.js';
import { decodeIndices, encodeIndices } from '../dist/compress/indices.js';
import { encodeLevels } from '../dist/compress/levels.js';
import { quantise } from '../dist/compress/qsgd.js';
import { largestOf } from '../dist/compress/select.js';

const elements = Number(process.argv[2] ?? 4_000_000);
const noise = noiseOf(1);
const normal = () => Math.sqrt(-2 * Math.log(1 - noise())) * Math.cos(2 * Math.PI * noise());
const vector = Float32Array.from({ length: elements }, normal);
const floatBytes = 4 * elements;

/** Megabytes of float input per second of CPU time: the best of three after one that warms up. */
function speed(work) {
  work();
  let best = 0;
  for (let turn = 0; turn < 3; turn++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, floatBytes / (user + system));
  }
  return best;
}

const rows = [];
const specs = [
  'identity',
  'fp16',
  'int8',
  'sign',
  { kind: 'top-k', share: 0.01 },
  { kind: 'top-k', share: 0.05 },
  { kind: 'random-k', share: 0.05 },
  { kind: 'qsgd', levels: 16 },
  { kind: 'qsgd', levels: 4096 },
];
for (const given of specs) {
  const parsed = parseCompressor(given);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  const { codec, spec } = parsed;
  const into = new Float32Array(elements);
  const bytes = codec.encode(vector, noiseOf(2));
  const stage = beforeEntropy(spec);
  rows.push({
    codec: Object.values(spec).slice(0, 2).join(' '),
    'before entropy MB/s': stage === undefined ? '' : Math.round(speed(stage)),
    'encode MB/s': Math.round(speed(() => codec.encode(vector, noiseOf(2)))),
    'decode MB/s': Math.round(speed(() => codec.decode(bytes, into))),
    'bits/element': Number(((8 * bytes.length) / elements).toFixed(3)),
    'times smaller': Number((floatBytes / bytes.length).toFixed(1)),
  });
}
console.log(`${elements} normal elements, ${floatBytes / 1e6} MB, node ${process.version}`);
console.table(rows);

/** The part of a codec that comes before the arithmetic coding; undefined where there is none of it. */
function beforeEntropy({ kind, levels, share }) {
  if (kind === 'qsgd') return () => quantise(vector, levels, noiseOf(2));
  if (kind === 'top-k') return () => largestOf(vector, Math.round(share * elements));
  return undefined;
}

const coded = [];
for (const size of [650, 100_000, elements]) {
  const part = vector.subarray(0, size);
  for (const s of [16, 256, 4096]) {
    const { levels } = quantise(part, s, noiseOf(3));
    const plain = s < 128 ? Int8Array.from(levels) : levels;
    coded.push(compare(`levels, s = ${s}`, size, encodeLevels(levels, s), new Uint8Array(plain.buffer)));
  }
  for (const share of [0.01, 0.05]) {
    const indices = largestOf(part, Math.max(1, Math.round(share * size)));
    const gaps = [];
    indices.forEach((index, at) => {
      let gap = index - (at === 0 ? -1 : indices[at - 1]) - 1;
      for (; gap >= 255; gap -= 255) gaps.push(255);
      gaps.push(gap);
    });
    coded.push(
      compare(`indices, ${100 * share} %`, size, encodeIndices(indices, size), Uint8Array.from(gaps)),
    );
    decodeIndices(encodeIndices(indices, size), size, indices.length);
  }
}
console.log('Bytes by entropy stage:');
console.table(coded);

function compare(what, size, ours, plain) {
  const huffman = deflateRawSync(plain, { level: 9, strategy: constants.Z_HUFFMAN_ONLY }).length;
  const deflate = deflateRawSync(plain, { level: 6 }).length;
  return { what, elements: size, ours: ours.length, 'zlib Huffman': huffman, 'zlib level 6': deflate };
}

const bits = 4_000_000;
const coder = () => {
  const encoder = new BitEncoder();
  for (let index = 0; index < bits; index++) encoder.bit(index & 1, 32768);
  return encoder.finish();
};
coder();
const before = process.cpuUsage();
coder();
const { user } = process.cpuUsage(before);
console.log(`the coder alone: ${((user * 1000) / bits).toFixed(1)} ns a bit of probability 1/2`);
