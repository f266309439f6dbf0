/**
 * Mixing 2, 4 and 8 neighbours' vectors of 10 million f32 against a plain copy of memory, both in bytes read and written per second of
 * CPU time, in one run: a copy reads and writes 4 bytes an element; mixing d neighbours and self reads 4·(d + 1) and writes 4.
 * "dpsgd" and "receive-merge" are the rules themselves: what is measured is the step that mixes, with messages as the network brings them,
 * each in memory of its own. Wanted of them: at least a quarter of the copy. Ends with 1 where one has less.
 *   npm run build && npm run bench:kernels [-- elements]
 */
import { Random } from '../dist/base/random.js';
import { findExchangeRule } from '../dist/exchange/index.js';
import { plusDifferences, weightedSum, weightedSumInto } from '../dist/params/index.js';

const elements = Number(process.argv[2] ?? 10_000_000);
const TURNS = 7;
const SHARE_MIN = 0.25;

/** Bytes per second: the median of the turns, after two that warm up. `prepare` gives each turn's `work` what it needs, unmeasured. */
function bandwidth(bytes, work, prepare = () => undefined) {
  const seconds = [];
  for (let turn = -2; turn < TURNS; turn++) {
    const given = prepare();
    const before = process.cpuUsage();
    work(given);
    const { user, system } = process.cpuUsage(before);
    if (turn >= 0) seconds.push((user + system) / 1e6);
  }
  return bytes / seconds.sort((a, b) => a - b)[TURNS >> 1];
}

/** A peer with `degree` neighbours; every call is a round up to the event with which it mixes, and gives the function that brings that one. */
function roundsOf(name, degree) {
  const rule = findExchangeRule(name);
  const neighbours = Array.from({ length: degree }, (_, index) => index + 1);
  const state = rule.init(
    {
      self: 0,
      seed: 1,
      outNeighbours: neighbours,
      inNeighbours: neighbours,
      aheadMax: new Map(neighbours.map((peer) => [peer, 1])),
      mixingRow: new Map([0, ...neighbours].map((peer) => [peer, 1 / (degree + 1)])),
      options: rule.parse({}).options,
      deadline: { factor: 1.5, floorMs: 5_000, ceilingMs: 60_000, downGraceMs: 1_000 },
      linkLossMeansSilence: true,
      peerCount: degree + 1,
      rounds: 1_000,
      trains: true,
    },
    0,
    { incarnation: 1 },
  );
  let params = vectors[0];
  let round = -1;
  const step = (event) => {
    for (const action of rule.step(state, event, { now: round, random: Random.of(1, round) }))
      if (action.kind === 'complete') params = action.params;
  };
  return () => {
    round += 1;
    const begun = params;
    step({ kind: 'begin', round, params });
    const messages = neighbours.map((from) => ({
      kind: 'received',
      from,
      incarnation: 1,
      message: { kind: 'model', round, vectors: [vectors[from].slice()], numbers: [] },
      exclusive: true,
    }));
    const trained = { kind: 'trained', params: vectors[0].slice() };
    // A synchronous rule mixes when the last of them is here, one that waits for nobody when it has trained.
    const events = rule.synchronous ? [trained, ...messages] : [...messages, trained];
    const last = events.pop();
    for (const event of events) step(event);
    return () => {
      step(last);
      if (params === begun) throw new Error(`${name} has not mixed`);
    };
  };
}

const vectors = Array.from({ length: 9 }, (_, peer) =>
  Float32Array.from({ length: elements }, (_, index) => ((index * 2654435761 + peer) % 1000) / 500 - 1),
);
const target = new Float32Array(elements);
const copy = bandwidth(8 * elements, () => target.set(vectors[0]));
const fresh = bandwidth(8 * elements, () => new Float32Array(elements).set(vectors[0]));
const rows = [];
let isFine = true;
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
  for (const name of ['dpsgd', 'receive-merge']) {
    const found = bandwidth(bytes, (mix) => mix(), roundsOf(name, degree));
    report(`${name} with ${degree} neighbours`, found);
    isFine &&= found / copy >= SHARE_MIN;
  }
  const others = terms.slice(1);
  const work = () => plusDifferences(vectors[0], 0.4, others, vectors[8]);
  report(`choco's with ${degree} neighbours, into new memory`, bandwidth(4 * elements * (degree + 3), work));
}
console.log(`${elements} elements, node ${process.version}`);
console.table(rows);
console.log(`${isFine ? 'held' : 'NOT HELD'}: the rules mix at ${SHARE_MIN} of a copy or more`);
process.exitCode = isFine ? 0 : 1;
