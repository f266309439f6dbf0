/**
 * Mixing 2, 4 and 8 neighbours' vectors of 10 million f32 against a plain copy of memory, both in bytes read and written per second of
 * CPU time, in one run: a copy reads and writes 4 bytes an element; mixing d neighbours and self reads 4·(d + 1) and writes 4.
 *   npm run build && npm run bench:kernels [-- elements]
 */
import { plusDifferences, weightedSum, weightedSumInto } from '../dist/params/index.js';

const elements = Number(process.argv[2] ?? 10_000_000);
const TURNS = 7;

/** Bytes per second: the median of the turns, after two that warm up. */
function bandwidth(bytes, work) {
  const seconds = [];
  for (let turn = -2; turn < TURNS; turn++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    if (turn >= 0) seconds.push((user + system) / 1e6);
  }
  return bytes / seconds.sort((a, b) => a - b)[TURNS >> 1];
}

const vectors = Array.from({ length: 9 }, (_, peer) =>
  Float32Array.from({ length: elements }, (_, index) => ((index * 2654435761 + peer) % 1000) / 500 - 1),
);
const target = new Float32Array(elements);
const copy = bandwidth(8 * elements, () => target.set(vectors[0]));
const fresh = bandwidth(8 * elements, () => new Float32Array(elements).set(vectors[0]));
const rows = [];
const report = (what, bytesPerSecond) =>
  rows.push({
    what,
    'GB/s': (bytesPerSecond / 1e9).toFixed(2),
    'of the copy': (bytesPerSecond / copy).toFixed(2),
    'of the copy into new memory': (bytesPerSecond / fresh).toFixed(2),
  });
report('copy (Float32Array.set)', copy);
report('copy into new memory', fresh);
for (const degree of [2, 4, 8]) {
  const terms = vectors.slice(0, degree + 1).map((vector) => ({ weight: 1 / (degree + 1), vector }));
  const bytes = 4 * elements * (degree + 2);
  report(
    `mixing ${degree} neighbours and self`,
    bandwidth(bytes, () => weightedSumInto(target, terms)),
  );
  report(
    `the same into new memory`,
    bandwidth(bytes, () => weightedSum(terms)),
  );
  const others = terms.slice(1);
  const work = () => plusDifferences(vectors[0], 0.4, others, vectors[8]);
  report(`choco's with ${degree} neighbours, into new memory`, bandwidth(4 * elements * (degree + 3), work));
}
console.log(`${elements} elements, node ${process.version}`);
console.table(rows);
