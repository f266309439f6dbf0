/** CHOCO-SGD: the known answer, replicas that never differ whatever happens to messages, repairs, restarts, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { parseCompressor } from '../../src/compress/index.ts';
import type { ChocoState } from '../../src/exchange/choco.ts';
import { gammaFor } from '../../src/exchange/choco-gamma.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { Replica } from '../../src/exchange/replica.ts';
import type { RuleAction, RuleLife, RuleMessage } from '../../src/exchange/rule.ts';
import { type Vector, vectorDigest } from '../../src/params/layout.ts';
import { buildOverlay, mixingMatrix, outNeighbours } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import cases from '../fixtures/compression.json' with { type: 'json' };
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const choco = findExchangeRule('choco')!;
ruleConformance('choco with scaled sign', choco, {});
ruleConformance('choco with top-k', choco, { compressor: { kind: 'top-k', count: 2 }, gamma: 0.3 });
ruleConformance('choco with qsgd and a snapshot every third round', choco, {
  compressor: { kind: 'qsgd', levels: 4 },
  snapshotEveryRounds: 3,
});

describe('choco-gossip-top1-ring4', () => {
  // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
  const { inputs, expected } = cases.cases.find(({ id }) => id === 'choco-gossip-top1-ring4') as any;
  const overlay = buildOverlay({ kind: 'ring' }, 4);
  const compressor = { kind: 'top-k', count: inputs.k };
  const options = { compressor, gamma: inputs.gamma, snapshotEveryRounds: 0 };
  const run = async (rounds: number) => {
    const plan = virtualPlan({ rule: 'choco', options, overlay, rounds });
    const trainer = (peer: number) =>
      quadraticTrainer({
        optimum: [0, 0, 0, 0],
        learningRate: 0,
        precision: 'f64',
        initial: inputs.x0[peer],
      });
    const results = await simulateRecorded(virtualPeers(plan, trainer), virtualLinks);
    return results.map(({ params }) => [...params]);
  };

  test.each([1, 2, 3, 4, 5])('after %i rounds on virtual time, x is the known one', async (rounds) => {
    for (const [peer, values] of (await run(rounds)).entries()) {
      for (const [index, value] of values.entries())
        expect(Math.abs(value - expected[`x_${rounds}`][peer][index])).toBeLessThanOrEqual(1e-9);
    }
  });

  test.each([50, 100, 300])('after %i rounds the error is the known one', async (rounds) => {
    const all = await run(rounds);
    const errors = all.flatMap((values) => values.map((value, index) => (value - expected.mean[index]) ** 2));
    const mse = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(Math.abs(mse - expected[`mse_${rounds}`])).toBeLessThanOrEqual(1e-9);
  });

  test('x̂ is the known one after rounds 1 and 5', () => {
    const mesh = new Mesh({ compressor, gamma: inputs.gamma, trains: false });
    for (const [peer, values] of inputs.x0.entries()) mesh.start(peer, Float64Array.from(values));
    for (const round of [1, 2, 3, 4, 5]) {
      mesh.deliverAll();
      if (round !== 1 && round !== 5) continue;
      for (const { state } of mesh.peers) {
        for (const { peer, vector } of (state as ChocoState).replicas.values()) {
          for (const [index, value] of vector!.entries())
            expect(Math.abs(value - expected[`xhat_${round}`][peer][index])).toBeLessThanOrEqual(1e-9);
        }
      }
    }
  });
});

describe('the default γ', () => {
  const spread = async (compressor: object, gamma?: number) => {
    const options = choco.parse({ compressor, ...(gamma === undefined ? {} : { gamma }) });
    if (!options.ok) throw new Error('options');
    const random = Random.of(1, 'start');
    const starts = Array.from({ length: 4 }, () => Array.from({ length: 200 }, () => random.uniform() - 0.5));
    const plan = virtualPlan({
      rule: 'choco',
      options: options.options,
      overlay: buildOverlay({ kind: 'ring' }, 4),
      rounds: 60,
    });
    const trainer = (peer: number) =>
      quadraticTrainer({ optimum: starts[peer]!, learningRate: 0, precision: 'f64', initial: starts[peer]! });
    const results = await simulateRecorded(virtualPeers(plan, trainer), virtualLinks);
    const distance = (vectors: readonly ArrayLike<number>[]) => {
      let sum = 0;
      for (let index = 0; index < 200; index++) {
        const values = vectors.map((vector) => vector[index]!);
        const mean = values.reduce((total, value) => total + value, 0) / values.length;
        for (const value of values) sum += (value - mean) ** 2;
      }
      return sum;
    };
    return distance(results.map(({ params }) => params)) / distance(starts);
  };

  test.each([
    [{ kind: 'qsgd', levels: 1 }, 0.4],
    [{ kind: 'random-k', share: 0.02 }, 0.2],
  ])(
    'follows what is kept, so that peers come together: %j, which with %d runs away',
    async (compressor, tooMuch) => {
      const [ours, theirs] = [await spread(compressor), await spread(compressor, tooMuch)];
      expect(ours).toBeLessThan(1);
      expect(theirs).toBeGreaterThan(10 * ours);
    },
  );

  test.each([
    [{ kind: 'sign' }, 0.4],
    [{ kind: 'qsgd', levels: 16 }, 0.4],
    [{ kind: 'random-k', share: 0.1 }, 0.1],
    [{ kind: 'top-k', share: 0.01 }, 0.1],
    [{ kind: 'top-k', count: 1 }, 10 / 650],
  ])('%j of 650 params: %d', (given, gamma) => {
    const parsed = parseCompressor(given);
    if (!parsed.ok) throw new Error('compressor');
    expect(gammaFor(parsed.spec, parsed.codec, 650)).toBeCloseTo(gamma, 12);
  });
});

/** A message, or local updates that are not done yet. */
interface Underway {
  readonly from: number;
  readonly incarnation: number;
  readonly to: number;
  readonly message?: RuleMessage;
  readonly trained?: Vector;
}

/** A ring of four peers whose messages are carried by hand. Every x̂ that ever was is remembered by its version. */
class Mesh {
  readonly peers: DrivenRule[] = [];
  readonly incarnations = [1, 1, 1, 1];
  readonly underway: Underway[] = [];
  readonly states = new Map<string, string>();
  readonly refusals: string[] = [];
  readonly #options: Record<string, unknown>;
  readonly #trains: boolean;
  readonly #rounds: number[] = [0, 0, 0, 0];
  readonly #overlay = buildOverlay({ kind: 'ring' }, 4);

  constructor({ trains = true, ...options }: Record<string, unknown> & { trains?: boolean }) {
    this.#options = options;
    this.#trains = trains;
    for (let self = 0; self < 4; self++) this.peers.push(this.#make(self, { incarnation: 1 }));
  }

  #make(self: number, life: RuleLife): DrivenRule {
    return new DrivenRule({
      rule: 'choco',
      options: this.#options,
      self,
      outNeighbours: outNeighbours(this.#overlay)[self]!,
      mixingRow: new Map(mixingMatrix(this.#overlay, 'metropolis')[self]!),
      trains: this.#trains,
      life,
    });
  }

  start(peer: number, params: Vector, round = 0): void {
    this.#rounds[peer] = round;
    this.perform(peer, this.peers[peer]!.begin(round, params));
  }

  /** The process is killed and comes back with what it had saved, if anything. */
  restart(peer: number, snapshot: Uint8Array | undefined, round: number): void {
    this.incarnations[peer]! += 1;
    const incarnation = this.incarnations[peer]!;
    const { now } = this.peers[peer]!;
    this.peers[peer] = this.#make(peer, snapshot === undefined ? { incarnation } : { incarnation, snapshot });
    this.peers[peer]!.now = now;
    this.start(peer, paramsOf(peer, round), round);
  }

  perform(peer: number, actions: readonly RuleAction[]): void {
    this.refusals.push(...refusals(actions));
    for (const { to, message } of sends(actions))
      for (const other of to)
        this.underway.push({ from: peer, incarnation: this.incarnations[peer]!, to: other, message });
    const { own } = (this.peers[peer]!.state as ChocoState).model;
    if (own.vector !== undefined) this.remember(own);
    for (const action of actions) {
      if (action.kind === 'train') {
        const change = paramsOf(peer, 10 + this.#rounds[peer]!);
        const trained = change.map((value, index) => value + action.params[index]!);
        this.underway.push({ from: peer, incarnation: this.incarnations[peer]!, to: peer, trained });
      } else if (action.kind === 'complete') this.start(peer, action.params, action.round + 1);
      else if (action.kind === 'behind' && action.round > this.#rounds[peer]!)
        this.start(peer, paramsOf(peer, action.round), action.round); // as after fetching state
    }
  }

  remember({ peer, version, vector }: Replica): void {
    const key = `${peer}: ${version.incarnation}.${version.count}`;
    const digest = vectorDigest(vector!);
    if (version.count > 0) expect(this.states.get(key) ?? digest).toBe(digest);
    this.states.set(key, digest);
  }

  deliver(at: number, again = false): void {
    const index = at % this.underway.length;
    const { from, to, incarnation, message, trained } = this.underway[index]!;
    for (const peer of this.peers) peer.now += 0.1;
    if (!again || trained !== undefined) this.underway.splice(index, 1);
    if (message !== undefined) this.perform(to, this.peers[to]!.hears(from, message, incarnation));
    else if (trained !== undefined && this.incarnations[to] === incarnation)
      this.perform(to, this.peers[to]!.step({ kind: 'trained', params: trained }));
  }

  lose(at: number): void {
    const index = at % this.underway.length;
    if (this.underway[index]!.trained === undefined) this.underway.splice(index, 1);
  }

  /** All that is under way now, oldest first; not what that leads to. */
  deliverAll(): void {
    for (let left = this.underway.length; left > 0; left--) this.deliver(0);
  }

  /** 50 ms pass for all, and one of them looks at its clock. */
  deadline(peer: number): void {
    for (const one of this.peers) one.now += 50;
    this.perform(peer, this.peers[peer]!.timer('deadline', 0));
  }

  /** Whoever holds a version of an x̂, its owner included, holds the same bits. */
  check(): void {
    for (const { state } of this.peers)
      for (const replica of (state as ChocoState).replicas.values())
        if (replica.vector !== undefined) this.remember(replica);
  }

  inStep(): boolean {
    const versions = this.peers.map(({ state }) => (state as ChocoState).model.own.version);
    return this.peers.every(({ state }) =>
      [...(state as ChocoState).replicas.values()].every(
        ({ peer, version, loose }) =>
          loose.length === 0 && Math.abs(version.count - versions[peer]!.count) <= 1,
      ),
    );
  }
}

function paramsOf(peer: number, round: number): Float32Array {
  return Float32Array.from({ length: 6 }, (_, index) => Math.sin(peer * 31 + round * 7 + index));
}

const compressors = fc.constantFrom<unknown[]>(
  'sign',
  { kind: 'top-k', count: 2 },
  { kind: 'random-k', count: 3 },
  { kind: 'qsgd', levels: 4 },
  'int8',
  'identity',
);
const incidents = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(['deliver', 'deliver', 'deliver', 'deliver', 'deliver', 'deliver'] as const),
      ...(['lose', 'repeat', 'reorder', 'deadline', 'save', 'restart'] as const),
    ),
    peer: fc.nat(3),
    at: fc.nat(),
  }),
  { minLength: 20, maxLength: 150 },
);

describe('replicas', () => {
  test('are what their owner had, under any loss, repetition, order and restart; and are in step again after', () => {
    fc.assert(
      fc.property(
        compressors,
        fc.constantFrom(0, 4),
        incidents,
        (compressor, snapshotEveryRounds, played) => {
          const mesh = new Mesh({ compressor, snapshotEveryRounds });
          const saved = new Map<number, { snapshot: Uint8Array; round: number }>();
          for (let peer = 0; peer < 4; peer++) mesh.start(peer, paramsOf(peer, 0));
          for (const { kind, peer, at } of played) {
            const one = mesh.peers[peer]!;
            if (kind === 'deadline') mesh.deadline(peer);
            else if (kind === 'save')
              saved.set(peer, { snapshot: one.rule.snapshot!(one.state), round: one.round });
            else if (kind === 'restart') {
              const { snapshot, round = at % 3 } = saved.get(peer) ?? {};
              mesh.restart(peer, snapshot, round);
            } else if (mesh.underway.length === 0) continue;
            else if (kind === 'lose') mesh.lose(at);
            else if (kind === 'repeat') mesh.deliver(at, true);
            else mesh.deliver(kind === 'reorder' ? at : 0);
            mesh.check();
          }
          for (let turn = 0; turn < 60 && !(turn > 4 && mesh.inStep()); turn++) {
            mesh.deliverAll();
            if (turn % 3 === 2) for (let peer = 0; peer < 4; peer++) mesh.deadline(peer);
            mesh.check();
          }
          expect(mesh.inStep()).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('after a jump to another round, changes of earlier rounds leave room for those that a repair brings', () => {
  const params = (round: number) => Float32Array.from({ length: 400 }, (_, index) => Math.sin(round + index));
  // Nobody is waited for by the owner: it goes on without an answer.
  const owner = new DrivenRule({ rule: 'choco', self: 1, outNeighbours: [0], inNeighbours: [] });
  const deltas: RuleMessage[] = [];
  for (let round = 0; round <= 9; round++) {
    owner.begin(round, params(round));
    const [sent] = sends(owner.step({ kind: 'trained', params: params(round + 1) }));
    if (sent !== undefined) deltas.push(sent.message);
  }
  const peer = new DrivenRule({ rule: 'choco', self: 0, outNeighbours: [1] });
  peer.begin(0, params(0));
  for (const delta of deltas.slice(0, 6)) peer.hears(1, delta); // more than it keeps
  peer.begin(9, params(3));
  const asked = sends(peer.hears(1, deltas[9]!));
  expect(asked.map(({ message }) => message.kind)).toEqual(['repair']);
  const answers = sends(owner.hears(0, asked[0]!.message));
  expect(answers.length).toBeGreaterThan(3);
  for (const { message } of answers) peer.hears(1, message);
  const done = peer.step({ kind: 'trained', params: params(4) }).find(({ kind }) => kind === 'complete');
  expect(done).toMatchObject({ round: 9, excluded: [] });
  const held = (peer.state as ChocoState).replicas.get(1)!;
  const { own } = (owner.state as ChocoState).model;
  expect(held.version).toEqual(own.version);
  expect(vectorDigest(held.vector!)).toBe(vectorDigest(own.vector!));
});

describe('what a change says of its version', () => {
  const peerOf = (life: RuleLife) =>
    new DrivenRule({
      rule: 'choco',
      options: { snapshotEveryRounds: 3 },
      self: 0,
      outNeighbours: [1],
      inNeighbours: [], // nobody is waited for
      life,
    });
  const numbersOf = (peer: DrivenRule, round: number) => {
    peer.begin(round, paramsOf(0, round));
    const [sent] = sends(peer.step({ kind: 'trained', params: paramsOf(0, round + 1) }));
    return { kind: sent!.message.kind, numbers: sent!.message.numbers };
  };

  test('nothing from round to round, the first one too, and from where where it begins with another life', () => {
    const peer = peerOf({ incarnation: 5 });
    expect([0, 1, 2, 3, 4].map((round) => numbersOf(peer, round))).toEqual([
      { kind: 'delta', numbers: [] },
      { kind: 'delta', numbers: [] },
      { kind: 'delta', numbers: [] },
      { kind: 'replica', numbers: [] },
      { kind: 'delta', numbers: [] },
    ]);
    const again = peerOf({ incarnation: 6, snapshot: choco.snapshot!(peer.state) });
    expect(numbersOf(again, 5)).toEqual({ kind: 'delta', numbers: [5, 5, 6] });
  });

  test('the same round announced again is another version, and says so', () => {
    const peer = peerOf({ incarnation: 5 });
    numbersOf(peer, 0);
    const twice = [1, 1].map((round) => {
      peer.begin(round, paramsOf(0, round));
      return sends(peer.step({ kind: 'trained', params: paramsOf(0, round + 2) }))[0]!.message;
    });
    expect(twice.map(({ kind, numbers }) => ({ kind, numbers }))).toEqual([
      { kind: 'delta', numbers: [] },
      { kind: 'replica', numbers: [3] },
    ]);
  });

  test('a change that cannot be taken still says that its sender is too far ahead', () => {
    const peer = new DrivenRule({ rule: 'choco', self: 0, outNeighbours: [1] });
    peer.begin(0, paramsOf(0, 0));
    const change = (round: number): RuleMessage => ({
      kind: 'delta',
      round,
      vectors: [],
      numbers: [],
      payload: new Uint8Array(5),
    });
    const near = peer.hears(1, change(1));
    expect(refusals(near)).toEqual(['out-of-step']);
    expect(near).not.toContainEqual(expect.objectContaining({ kind: 'behind' }));
    expect(peer.hears(1, change(7))).toContainEqual({ kind: 'behind', round: 7 });
  });

  test.each([
    ['a delta of one number', 'delta', [1]],
    ['a delta of four', 'delta', [1, 0, 0, 1]],
    ['a delta of half a change', 'delta', [0, 0, 0.5]],
    ['a replica of two', 'replica', [1, 2]],
    ['a repair of none', 'repair', []],
    ['a repair of three', 'repair', [1, 2, 3]],
  ])('%s is refused as malformed', (_what, kind, numbers) => {
    const peer = peerOf({ incarnation: 1 });
    peer.begin(0, paramsOf(0, 0));
    const vectors = kind === 'replica' ? [paramsOf(1, 0)] : [];
    const payload = kind === 'delta' ? { payload: new Uint8Array(5) } : {};
    expect(refusals(peer.hears(1, { kind, round: 0, vectors, numbers, ...payload }))).toEqual(['malformed']);
  });
});

describe('options out of range are refused in words', () => {
  test.each([
    [{ gamma: 0 }, 'gamma is 0; it must be a number above 0 and at most 1'],
    [{ gamma: -0.1 }, 'gamma is -0.1; it must be a number above 0 and at most 1'],
    [{ gamma: 1.01 }, 'gamma is 1.01; it must be a number above 0 and at most 1'],
    [{ gamma: Number.NaN }, 'gamma is NaN; it must be a number above 0 and at most 1'],
    [{ gamma: 'half' }, 'gamma is "half"; it must be a number above 0 and at most 1'],
    [{ compressor: { kind: 'top-k', count: 0 } }, 'compressor: count is 0; it must be a positive integer'],
    [
      { compressor: { kind: 'random-k', count: 2.5 } },
      'compressor: count is 2.5; it must be a positive integer',
    ],
    [
      { compressor: { kind: 'top-k', share: 1.5 } },
      'compressor: share is 1.5; it must be above 0 and at most 1',
    ],
    [
      { compressor: { kind: 'random-k', share: Number.NaN } },
      'compressor: share is NaN; it must be above 0 and at most 1',
    ],
    [
      { compressor: { kind: 'qsgd', levels: 0 } },
      'compressor: levels is 0; it must be an integer from 1 to 32767',
    ],
    [
      { compressor: { kind: 'qsgd', levels: 1, scaled: false } },
      'compressor may enlarge what it compresses; use qsgd with scaled: true',
    ],
    [{ snapshotEveryRounds: -1 }, 'snapshotEveryRounds is -1; it must be an integer from 0 to 2147483648'],
  ])('%j', (given, problem) => {
    expect(choco.parse(given)).toEqual({ ok: false, problems: [problem] });
  });
});

test('a change whose payload does not decode is refused with what is wrong, its sender left out, and asked for again', () => {
  const peer = new DrivenRule({
    rule: 'choco',
    options: { compressor: { kind: 'top-k', count: 2 } },
    self: 0,
    outNeighbours: [1],
  });
  peer.begin(0, paramsOf(0, 0));
  const change = { kind: 'delta', round: 0, vectors: [], numbers: [0, 0, 1] };
  peer.hears(1, { ...change, payload: new Uint8Array(7).fill(0xff) });
  const actions = peer.step({ kind: 'trained', params: paramsOf(0, 1) });
  expect(actions).toContainEqual({
    kind: 'refuse',
    from: 1,
    reason: 'malformed',
    detail: expect.stringMatching(/\w/),
  });
  expect(sends(actions).map(({ message }) => message.kind)).toContain('repair');
  expect(actions.at(-1)).toMatchObject({ kind: 'complete', excluded: [{ peer: 1, reason: 'absent' }] });
  expect([...peer.completed!]).toEqual([...paramsOf(0, 1)]);
});
