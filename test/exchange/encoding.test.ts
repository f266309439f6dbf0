/** Half precision and 8-bit integers on the wire, for any rule: error feedback, bytes, equality in every driver, what is refused. */
import { describe, expect, test } from 'vitest';
import { encodingProblem, encodings } from '../../src/exchange/encoding.ts';
import { exchangeRuleNames, findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { replay } from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { encodeEnvelope } from '../../src/wire/message.ts';
import { libp2pTransports, runToyNodes, toyPeers, toyPlan } from '../core/toy-swarm.ts';
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

ruleConformance('dpsgd in half precision', findExchangeRule('dpsgd', 'fp16')!, {});
ruleConformance('pairwise in 8-bit integers', findExchangeRule('pairwise', 'int8')!, {});

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

test.each([
  ['push-sum', {}, /exact/],
  ['choco', {}, /compress/],
  ['gossip-learning', { parts: 3 }, /parts is 3/],
])('%s with %j is refused in words', (rule, options, words) => {
  const found = findExchangeRule(rule)!;
  const parsed = found.parse(options);
  expect(parsed.ok && encodingProblem(found, parsed.options)).toMatch(words);
});

test('every rule says whether it may be encoded, and raw is the rule itself', () => {
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
