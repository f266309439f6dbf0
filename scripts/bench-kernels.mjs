/**
 * Mixing 2, 4 and 8 neighbours' vectors of 10 million f32 against a plain copy of memory, both in bytes read and written per second of
 * CPU time, in one run: a copy reads and writes 4 bytes an element; mixing d neighbours and self reads 4·(d + 1) and writes 4.
 *   npm run build && npm run bench:kernels [-- elements]
 */
import { plusDifferences, weightedSum } from '../dist/params/index.js';

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
// A result is a new vector each time: what zeroed memory of that size costs is part of the mixing.
const rows = [{ what: 'Float32Array.set', 'GB/s': (copy / 1e9).toFixed(2), 'of the copy': '1.00' }];
for (const degree of [2, 4, 8]) {
  const terms = vectors.slice(0, degree + 1).map((vector) => ({ weight: 1 / (degree + 1), vector }));
  const bytes = 4 * elements * (degree + 2);
  const mixing = bandwidth(bytes, () => weightedSum(terms));
  const others = terms.slice(1);
  const differences = bandwidth(4 * elements * (degree + 3), () =>
    plusDifferences(vectors[0], 0.4, others, vectors[8]),
  );
  for (const [name, got] of [
    [`weightedSum of ${degree} neighbours and self`, mixing],
    [`plusDifferences of ${degree} neighbours`, differences],
  ])
    rows.push({ what: name, 'GB/s': (got / 1e9).toFixed(2), 'of the copy': (got / copy).toFixed(2) });
}
console.log(`${elements} elements, node ${process.version}`);
console.table(rows);
