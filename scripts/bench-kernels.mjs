/**
 * Mixing 2, 4 and 8 neighbours' vectors of 10 million elements by every rule against a plain copy of memory, both in bytes read and
 * written per second of CPU time, in one run. What is measured are the rules' own steps that mix, with messages as the network brings
 * them, each in memory of its own, after rounds that warm up. Bytes of a step are what its passes over memory come to, per element:
 *   copy                     reads 4, writes 4
 *   dpsgd, receive-merge     d neighbours' vectors and the own read, the sum written: 4(d + 2)
 *   choco (sign)             d + 1 public models read, changed by one bit and written: (d + 1)(8 + 1/8); own params and all d + 1 read, the
 *                            result written: 4(d + 3)
 *   gossip-learning          each of d models merged as it comes: 12d; the training's change added: 16
 *   pairwise                 one exchange, two models read and one written: 12; the queued change of the training added, three read and one
 *                            written: 16 (d is only the number of neighbours)
 *   push-sum (f64)           each of d sums: y, σ and ρ read, y written: 32d; training's change: y read and written, two params read: 24;
 *                            what is given: y and σ read and written: 32; y/z: 8 read and 4 written
 * Wanted of every rule: at least a quarter of the copy. Ends with 1 where one has less.
 *   npm run build && npm run bench:kernels [-- --elements N] [--only RULE]
 */
import { parseArgs } from 'node:util';
import { Random } from '../dist/base/random.js';
import { parseCompressor } from '../dist/compress/index.js';
import { findExchangeRule } from '../dist/exchange/index.js';

const { values: given } = parseArgs({
  options: { elements: { type: 'string', default: '10000000' }, only: { type: 'string', default: '' } },
});
const elements = Number(given.elements);
const TURNS = 5;
const SHARE_MIN = 0.25;
const LIFE = { incarnation: 1 };

/** Bytes per second: the median of the turns, after two that warm up. `prepare` gives each turn's `work`, unmeasured. */
function bandwidth(bytesPerElement, prepare) {
  const seconds = [];
  for (let turn = -2; turn < TURNS; turn++) {
    const work = prepare(turn + 2);
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    if (turn >= 0) seconds.push((user + system) / 1e6);
  }
  return (bytesPerElement * elements) / seconds.sort((a, b) => a - b)[TURNS >> 1];
}

/** A peer with `degree` neighbours, and how it goes through a round. */
class Peer {
  constructor(name, degree) {
    this.rule = findExchangeRule(name);
    this.neighbours = Array.from({ length: degree }, (_, index) => index + 1);
    this.state = this.rule.init(
      {
        self: 0,
        seed: 1,
        outNeighbours: this.neighbours,
        inNeighbours: this.neighbours,
        aheadMax: new Map(this.neighbours.map((peer) => [peer, 1])),
        mixingRow: new Map([0, ...this.neighbours].map((peer) => [peer, 1 / (degree + 1)])),
        options: this.rule.parse({}).options,
        deadline: { factor: 1.5, floorMs: 5_000, ceilingMs: 60_000, downGraceMs: 1_000 },
        linkLossMeansSilence: true,
        peerCount: degree + 1,
        rounds: 1_000,
        trains: true,
      },
      0,
      LIFE,
    );
    this.params = vectors[0];
    this.sent = [];
    for (const peer of this.neighbours)
      this.step({ kind: 'neighbour', peer, status: 'up', round: 0, ...LIFE });
  }

  step(event) {
    const scope = { now: this.round ?? 0, random: Random.of(1, this.round ?? 0) };
    for (const action of this.rule.step(this.state, event, scope)) {
      if (action.kind === 'complete') this.params = action.params;
      if (action.kind === 'refuse')
        throw new Error(`${this.rule.name} refused: ${action.detail ?? action.reason}`);
      if (action.kind === 'send') this.sent.push(action);
    }
  }

  begin(round) {
    this.round = round;
    this.begun = this.params;
    this.step({ kind: 'begin', round, params: this.params });
  }

  /** The events of one round, `steps` of which are measured. */
  work(before, steps) {
    for (const event of before) this.step(event);
    return () => {
      for (const event of steps) this.step(event);
    };
  }
}

const received = (from, message) => ({ kind: 'received', from, ...LIFE, message, exclusive: true });
const trained = () => ({ kind: 'trained', params: vectors[0].slice() });
const models = (peer, round, numbers) =>
  peer.neighbours.map((from) =>
    received(from, { kind: 'model', round, vectors: [vectors[from].slice()], numbers }),
  );

/** By rule: bytes per element, and the measured part of a round. */
const RULES = {
  dpsgd: {
    bytes: (degree) => 4 * (degree + 2),
    turn(peer, round) {
      peer.begin(round);
      const all = [trained(), ...models(peer, round, [])];
      return peer.work(all.slice(0, -1), all.slice(-1));
    },
  },
  'receive-merge': {
    bytes: (degree) => 4 * (degree + 2),
    turn(peer, round) {
      peer.begin(round);
      return peer.work(models(peer, round, []), [trained()]);
    },
  },
  choco: {
    bytes: (degree) => (degree + 1) * 8.125 + 4 * (degree + 3),
    turn(peer, round) {
      peer.begin(round);
      const changes = peer.neighbours.map((from) => {
        // The first one is from version 0 of the sender's life, which every replica starts with.
        const numbers = round === 0 ? [0, 0, 1] : [];
        return received(from, { kind: 'delta', round, vectors: [], numbers, payload: payloads[from] });
      });
      const all = [trained(), ...changes];
      return peer.work(all.slice(0, -1), all.slice(-1));
    },
  },
  'gossip-learning': {
    bytes: (degree) => 12 * degree + 16,
    turn(peer, round) {
      peer.begin(round);
      return peer.work([], [...models(peer, round, [0, round + 1, 0]), trained()]);
    },
  },
  pairwise: {
    bytes: () => 12 + 16,
    turn(peer, round) {
      peer.begin(round);
      const { to, message } = peer.sent.findLast((action) => action.message.kind === 'propose');
      peer.step(trained());
      const reply = {
        kind: 'reply',
        round,
        vectors: [vectors[1].slice()],
        numbers: message.numbers.slice(0, 1),
      };
      return peer.work([], [received(to[0], reply)]);
    },
  },
  'push-sum': {
    bytes: (degree) => 32 * degree + 68,
    turn(peer, round) {
      peer.begin(round);
      const sums = peer.neighbours.map((from) => {
        const part = new Float64Array(elements);
        for (let index = 0; index < elements; index++) part[index] = (round + 1) * vectors[from][index];
        // Life, start count, epoch, count and weight.
        const numbers = [1, 0, 0, round + 1, 0.1 * (round + 1)];
        return received(from, { kind: 'sum', round, vectors: [part], numbers });
      });
      return peer.work([], [...sums, trained()]);
    },
  },
};

const vectors = Array.from({ length: 9 }, (_, peer) => {
  const vector = new Float32Array(elements);
  for (let index = 0; index < elements; index++)
    vector[index] = ((index * 2654435761 + peer) % 1000) / 500 - 1;
  return vector;
});
const sign = parseCompressor('sign').codec;
const payloads = vectors.map((vector) => sign.encode(vector, () => 0.5));
const target = new Float32Array(elements);
const copy = bandwidth(8, () => () => target.set(vectors[0]));
const fresh = bandwidth(8, () => () => new Float32Array(elements).set(vectors[0]));
const rows = [];
const report = (what, bytesPerSecond) => {
  const row = {
    what,
    'GB/s': (bytesPerSecond / 1e9).toFixed(2),
    'of the copy': (bytesPerSecond / copy).toFixed(2),
  };
  rows.push(row);
  return bytesPerSecond / copy;
};
report('copy (Float32Array.set)', copy);
report('copy into new memory', fresh);
const shares = [];
for (const [name, { bytes, turn }] of Object.entries(RULES)) {
  if (!name.includes(given.only)) continue;
  for (const degree of [2, 4, 8]) {
    const peer = new Peer(name, degree);
    const found = bandwidth(bytes(degree), (round) => {
      const work = turn(peer, round);
      return () => {
        work();
        if (peer.params === peer.begun) throw new Error(`${name} has not mixed`);
      };
    });
    shares.push(report(`${name} with ${degree} neighbours`, found));
  }
}
const isFine = shares.every((share) => share >= SHARE_MIN);
console.log(`${elements} elements, node ${process.version}`);
console.table(rows);
console.log(
  `${isFine ? 'held' : 'NOT HELD'}: all rules mix at ${SHARE_MIN} of a copy or more; least ${Math.min(...shares).toFixed(3)}`,
);
process.exitCode = isFine ? 0 : 1;
