/** Half precision and 8-bit integers on the wire, for any rule: error feedback, bytes, equality in every driver, what is refused. */
import { describe, expect, test } from 'vitest';
import { type Encoding, encodings } from '../../src/exchange/encoding.ts';
import { exchangeRuleNames, findExchangeRule } from '../../src/exchange/index.ts';
import type { PushSumState } from '../../src/exchange/push-sum-state.ts';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { replay } from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { encodeEnvelope } from '../../src/wire/message.ts';
import { libp2pTransports, runToyNodes, toyPeers, toyPlan } from '../core/toy-swarm.ts';
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';
import { ruleConformance } from './rule.conformance.ts';
import { type DrivenOptions, DrivenRule, refusals, sends } from './rule-driver.ts';

for (const name of exchangeRuleNames)
  for (const encoding of ['fp16', 'int8'] as const)
    ruleConformance(`${name} in ${encoding}`, findExchangeRule(name, encoding)!, {});
ruleConformance('gossip-learning in parts, in int8', findExchangeRule('gossip-learning', 'int8')!, {
  parts: 3,
  sends: 2,
});

const size = 40;
const trainer = (peer: number) =>
  quadraticTrainer({
    optimum: Array.from({ length: size }, (_, index) => Math.sin(3 * peer + index)),
    learningRate: 0.05,
    precision: 'f32',
  });

/** The worst distance of a peer's params from the mean of all optima, per element. */
async function distance(rule: string, rounds: number): Promise<number> {
  const overlay = buildOverlay({ kind: 'ring' }, 5);
  const results = await simulateRecorded(
    virtualPeers(virtualPlan({ rule, overlay, rounds }), trainer),
    virtualLinks,
  );
  const mean = Array.from({ length: size }, (_, index) => {
    const all = results.map((_, peer) => Math.sin(3 * peer + index));
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  });
  return Math.max(
    ...mean.map((wanted, index) =>
      Math.abs(results.reduce((sum, { params }) => sum + params[index]!, 0) / results.length - wanted),
    ),
  );
}

test('dpsgd in 8-bit integers ends within 1e-3 of where full precision ends', async () => {
  const [full, half, integers] = await Promise.all([
    distance('dpsgd', 300),
    distance('dpsgd+fp16', 300),
    distance('dpsgd+int8', 300),
  ]);
  expect(full).toBeLessThan(1e-4);
  expect(half).toBeLessThan(full + 1e-4);
  expect(integers).toBeLessThan(full + 1e-3);
});

describe('error feedback', () => {
  test('the sum of all that was sent is off by one rounding, however many rounds', () => {
    const peer = new DrivenRule({ rule: 'dpsgd+int8', self: 0, outNeighbours: [], trains: false });
    const params = Float32Array.of(1, 0.0037, -0.3, 0.002);
    const receiver = new Float32Array(4);
    const total = new Float64Array(4);
    let decoded = 0;
    for (let round = 0; round < 200; round++) {
      peer.begin(round, params.slice());
      const actions = peer.step({ kind: 'trained', params: params.slice() });
      for (const { message } of sends(actions)) {
        const bytes = message.payload!;
        const scale = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
        receiver.forEach((_, index) => {
          total[index]! += scale * new Int8Array(bytes.buffer, bytes.byteOffset + 4)[index]!;
        });
        decoded += 1;
      }
    }
    expect(decoded).toBe(200);
    for (const [index, value] of params.entries())
      expect(Math.abs(total[index]! - 200 * value)).toBeLessThan(0.01);
  });

  test('the same vector sent again is the same bytes', () => {
    const peer = new DrivenRule({ rule: 'pairwise+int8', self: 0, outNeighbours: [1] });
    const params = Float32Array.of(0.3, 0.1, 0.7, 1);
    peer.begin(0, params);
    const question: RuleMessage = {
      kind: 'propose',
      round: 0,
      vectors: [],
      numbers: [7],
      payload: bytesOf(peer),
    };
    const [first] = sends(peer.hears(1, question));
    const [second] = sends(peer.hears(1, question));
    expect(second!.message.payload).toEqual(first!.message.payload);
  });
});

/** A payload of four elements in 8-bit integers. */
function bytesOf(_peer: DrivenRule): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat32(0, 0.01, true);
  bytes.set([1, 2, 3, 4], 4);
  return bytes;
}

test('a payload that does not decode is refused as malformed', () => {
  const peer = new DrivenRule({ rule: 'dpsgd+int8', self: 0, outNeighbours: [1] });
  peer.begin(0, new Float32Array(4));
  const payload = new Uint8Array(8).fill(0xff);
  const message: RuleMessage = { kind: 'model', round: 0, vectors: [], numbers: [], payload };
  expect(refusals(peer.hears(1, message))).toEqual(['malformed']);
});

test.each([
  ['raw', 4000],
  ['fp16', 2000],
  ['int8', 1016],
] as const)('a model of 1,000 f32 in %s has a body of %i bytes', (encoding, bytes) => {
  const peer = new DrivenRule({ rule: `dpsgd+${encoding}`, self: 0, outNeighbours: [1] });
  peer.begin(0, new Float32Array(1000));
  const [sent] = sends(peer.step({ kind: 'trained', params: new Float32Array(1000).fill(0.5) }));
  const message = { type: 'exchange' as const, message: sent!.message };
  const { body } = encodeEnvelope({ incarnation: 1, sequence: 0, message }, ['model']);
  expect(body.reduce((sum, piece) => sum + piece.length, 0)).toBe(bytes);
});

test.each([
  ['gossip-learning+fp16', { parts: 4 }, 500],
  ['gossip-learning+int8', { parts: 4 }, 254],
  ['choco+fp16', {}, 2000],
  ['choco+int8', {}, 1016],
  ['push-sum+fp16', {}, 2000],
  ['push-sum+int8', {}, 1016],
])('of 1,000 f32, %s %j sends %i bytes', (rule, options, bytes) => {
  const peer = new DrivenRule({ rule, options, self: 0, outNeighbours: [1] });
  peer.begin(0, new Float32Array(1000));
  const [sent] = sends(peer.step({ kind: 'trained', params: new Float32Array(1000).fill(0.5) }));
  expect(sent!.message.vectors).toEqual([]);
  expect(sent!.message.payload!.length).toBe(bytes);
});

test('a long run of push-sum+int8 sends at most two and a half bytes a number, what repairs losses included', () => {
  const peer = new DrivenRule({ rule: 'push-sum+int8', self: 0, outNeighbours: [1], trains: false });
  let bytes = 0;
  peer.begin(
    0,
    Float32Array.from({ length: 1000 }, (_, at) => Math.sin(at)),
  );
  for (let round = 0; round < 320; round++) {
    // As much comes as goes: the other has the same params.
    const { mass } = peer.state as PushSumState;
    mass!.y = mass!.y.map((value) => 2 * value);
    mass!.z *= 2;
    for (const { message } of sends(peer.timer('cycle')))
      bytes += message.payload!.length + 8000 * message.vectors.length;
    peer.next();
  }
  expect(bytes / 320 / 1000).toBeLessThan(2.5);
});

test.each(['dpsgd+int8', 'choco'])(
  '%s: equal params bit for bit on virtual time and over libp2p, and the log replays to them',
  async (rule) => {
    const plan = toyPlan({ rule, rounds: 6, options: rule === 'choco' ? { compressor: 'qsgd' } : {} });
    const simulated = await simulateRecorded(toyPeers(plan), virtualLinks);
    const real = await runToyNodes(plan, libp2pTransports(plan.overlay.nodes.length));
    for (const { refusals: refused } of real) expect(refused).toEqual({});
    expect(real.map(({ params }) => params)).toEqual(simulated.map(({ params }) => params));
    const recorded = toyPeers(plan).map((peer, index) => ({ ...peer, log: real[index]!.log }));
    const replayed = await replay(recorded);
    expect(replayed.map(({ params }) => params)).toEqual(real.map(({ params }) => params));
  },
);

describe('gossip learning in parts', () => {
  const PARTS = 3;
  const options = { parts: PARTS, sends: PARTS };
  const params = Float32Array.of(1, 0.0037, -0.3, 0.002, 0.7, -0.0123, 5);
  const bounds = [0, 2, 4, 7];
  const start = (given: Partial<DrivenOptions> = {}) =>
    new DrivenRule({ rule: 'gossip-learning+int8', options, self: 0, outNeighbours: [1], ...given });
  /** What a round sent of each part: the whole model, each run decoded for itself. */
  const roundOf = (peer: DrivenRule, round: number): Float32Array => {
    peer.begin(round, params.slice());
    const sent = sends(peer.step({ kind: 'trained', params: params.slice() }));
    expect(sent.length).toBe(PARTS);
    const whole = new Float32Array(params.length);
    for (const { message } of sent) {
      const [part] = message.numbers;
      whole.set(decodedInt8(message.payload!, bounds[part! + 1]! - bounds[part!]!), bounds[part!]);
    }
    return whole;
  };

  test('the sum of all that was sent of each part is off by one rounding, however many rounds', () => {
    const peer = start();
    const total = new Float64Array(params.length);
    for (let round = 0; round < 200; round++)
      for (const [at, value] of roundOf(peer, round).entries()) total[at]! += value;
    for (const [at, value] of params.entries())
      expect(Math.abs(total[at]! - 200 * value)).toBeLessThan(5 / 127);
  });

  test('a restart goes on with what rounding had taken from every part', () => {
    const peer = start();
    for (let round = 0; round < 5; round++) roundOf(peer, round);
    const snapshot = peer.rule.snapshot!(peer.state);
    const again = start({ life: { incarnation: 2, snapshot } });
    const anew = start({ life: { incarnation: 2 } });
    const next = roundOf(peer, 5);
    expect(roundOf(again, 5)).toEqual(next);
    expect(roundOf(anew, 5)).not.toEqual(next);
  });

  test('what comes before the first round is merged in it, by the age of its part', () => {
    const peer = start({ options: { parts: PARTS }, trains: false });
    const payload = int8Of([1, 0.5], [127, 64]);
    expect(peer.hears(1, { kind: 'part', round: 0, vectors: [], numbers: [1, 0, 0], payload })).toEqual([]);
    peer.begin(0, new Float32Array(7));
    peer.timer('cycle');
    const scale = Math.fround(1 / 127);
    expect([...peer.completed!]).toEqual([
      0,
      0,
      Math.fround(127 * scale) / 2,
      Math.fround(64 * scale) / 2,
      0,
      0,
      0,
    ]);
  });

  test.each([
    ['another length', [1, 0, 0], new Uint8Array(7)],
    ['a scale that is no number', [1, 0, 0], new Uint8Array(6).fill(0xff)],
    ['a part that there is not', [3, 0, 0], new Uint8Array(6)],
    ['no numbers', [], new Uint8Array(6)],
  ])('%s is refused as malformed', (_, numbers, payload) => {
    const peer = start();
    peer.begin(0, new Float32Array(7));
    expect(refusals(peer.hears(1, { kind: 'part', round: 0, vectors: [], numbers, payload }))).toEqual([
      'malformed',
    ]);
  });
});

/** One block of 8-bit integers with the scale of the largest of `values`. */
function int8Of(values: readonly number[], levels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + levels.length);
  new DataView(bytes.buffer).setFloat32(0, Math.max(...values) / 127, true);
  bytes.set(levels, 4);
  return bytes;
}

function decodedInt8(bytes: Uint8Array, length: number): Float32Array {
  const scale = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
  return Float32Array.from(
    new Int8Array(bytes.buffer, bytes.byteOffset + 4, length),
    (level) => scale * level,
  );
}

describe('choco', () => {
  const parse = (encoding: Encoding, options: Record<string, unknown>) =>
    findExchangeRule('choco', encoding)!.parse(options);

  test.each(['fp16', 'int8'] as const)(
    '%s stands for its compressor, and goes all the way to the neighbours',
    (encoding) => {
      expect(parse(encoding, {})).toMatchObject({ options: { compressor: { kind: encoding }, gamma: 1 } });
      expect(parse(encoding, {})).toEqual(parse('raw', { compressor: encoding }));
      expect(parse(encoding, { compressor: encoding })).toEqual(parse(encoding, {}));
    },
  );

  test('another compressor beside it is told in words, as other problems are', () => {
    expect(parse('fp16', { compressor: 'sign' })).toEqual({
      ok: false,
      problems: [expect.stringMatching(/^compressor is sign, but encoding fp16/)],
    });
    expect(parse('fp16', { gamma: 2 })).toMatchObject({ problems: [expect.stringMatching(/^gamma is 2/)] });
  });
});

test('every rule may be encoded, and raw is the rule itself', () => {
  for (const name of exchangeRuleNames) {
    for (const encoding of encodings) {
      const rule = findExchangeRule(name, encoding)!;
      expect(rule.name).toBe(encoding === 'raw' ? name : `${name}+${encoding}`);
      expect(findExchangeRule(rule.name)?.messages).toEqual(
        encoding === 'raw' ? rule.messages : expect.objectContaining({}),
      );
    }
  }
});
