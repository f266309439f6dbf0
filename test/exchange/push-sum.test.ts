/** Robust push-sum: known answers, and mass that nothing can lose: no loss, no copy, no order, no restart from a checkpoint. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import { massOf } from '../../src/exchange/mass-balance.ts';
import type { RuleAction, RuleMessage } from '../../src/exchange/rule.ts';
import cases from '../fixtures/push-sum.json' with { type: 'json' };
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const rule = findExchangeRule('push-sum')!;
ruleConformance('push-sum', rule, {});
ruleConformance('push-sum with a period', rule, { periodMs: 20, stepFactorMax: 4 });
ruleConformance('plain push-sum', rule, { variant: 'plain' });
ruleConformance('plain push-sum in int8', findExchangeRule('push-sum', 'int8')!, { variant: 'plain' });

// biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
const caseOf = (id: string) => cases.cases.find((known) => known.id === id)! as any;

type Arc = readonly [number, number];

interface Letter {
  readonly from: number;
  readonly to: number;
  readonly message: RuleMessage;
}

/** In full precision and rounded: what is conserved, and where it ends, is the same. */
const ROUNDED = ['push-sum', 'push-sum+fp16', 'push-sum+int8'];

/** Peers that average, without local updates, in rounds that a test steps through. */
class Averaging {
  readonly peers: DrivenRule[];
  readonly arcs: readonly Arc[];
  readonly rule: string;
  incarnations: number[];

  constructor(arcs: readonly Arc[], values: readonly number[], variant = 'robust', rule = 'push-sum') {
    this.arcs = arcs;
    this.rule = rule;
    this.incarnations = values.map(() => 1);
    this.peers = values.map(
      (_, self) =>
        new DrivenRule({
          rule,
          options: { variant },
          self,
          outNeighbours: arcs.filter(([from]) => from === self).map(([, to]) => to),
          inNeighbours: arcs.filter(([, to]) => to === self).map(([from]) => from),
          trains: false,
          peerCount: values.length,
        }),
    );
    for (const [self, value] of values.entries()) this.peers[self]!.begin(0, Float64Array.of(value));
  }

  /** Every peer gives; the letters are returned, not delivered. */
  give(): Letter[] {
    return this.peers.flatMap((peer, from) => {
      const actions = peer.timer('cycle');
      if (peer.completed !== undefined) peer.next();
      return lettersOf(from, actions);
    });
  }

  deliver({ from, to, message }: Letter): readonly RuleAction[] {
    return this.peers[to]!.hears(from, message, this.incarnations[from]);
  }

  /** One round in which every letter of an arc arrives that `passes` lets through. */
  round(passes: (arc: number) => boolean = () => true): void {
    for (const letter of this.give()) {
      const arc = this.arcs.findIndex(([from, to]) => from === letter.from && to === letter.to);
      if (passes(arc)) this.deliver(letter);
    }
  }

  held(): { y: number[]; z: number[]; ratio: number[] } {
    const masses = this.peers.map(({ state }) => massOf(state)!);
    const y = masses.map((mass) => mass.y[0]!);
    const z = masses.map((mass) => mass.z);
    return { y, z, ratio: y.map((value, peer) => value / z[peer]!) };
  }

  /** Σ y + Σ (σ − ρ), and the same for z. */
  total(): { y: number; z: number } {
    let [y, z] = [0, 0];
    for (const { state } of this.peers) {
      const mass = massOf(state)!;
      y += mass.y[0]!;
      z += mass.z;
      for (const given of mass.given) [y, z] = [y + given.y[0]!, z + given.z];
      for (const taken of mass.taken) [y, z] = [y - taken.y[0]!, z - taken.z];
    }
    return { y, z };
  }

  /** The peer dies and goes on from `snapshot`, taken when it was in `round` with `params`. */
  restart(self: number, snapshot: Uint8Array | undefined, round: number, params: Float64Array): void {
    const { context } = this.peers[self]!;
    const incarnation = this.incarnations[self]! + 1;
    this.incarnations[self] = incarnation;
    const life = snapshot === undefined ? { incarnation } : { incarnation, snapshot };
    const again = new DrivenRule({
      rule: this.rule,
      options: context.options,
      self,
      outNeighbours: context.outNeighbours,
      inNeighbours: context.inNeighbours,
      trains: false,
      peerCount: context.peerCount,
      life,
    });
    again.now = this.peers[self]!.now;
    this.peers[self] = again;
    for (const other of this.peers) if (other !== again) other.up(self, incarnation);
    again.begin(round, params);
  }
}

function lettersOf(from: number, actions: readonly RuleAction[]): Letter[] {
  return sends(actions).flatMap(({ to, message }) => to.map((one) => ({ from, to: one, message })));
}

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  for (const [index, value] of got.entries())
    expect(Math.abs(value - wanted[index]!)).toBeLessThanOrEqual(tolerance);
}

describe.each(['robust', 'plain'])('push-sum-digraph4, %s, without loss', (variant) => {
  const { inputs, expected, tolerance } = caseOf('push-sum-digraph4');
  test('holds y, z and y/z as the case says, round by round, up to the limit', () => {
    const network = new Averaging(inputs.directed_edges, inputs.x0, variant);
    for (let round = 1; round <= 60; round++) {
      network.round();
      const { y, z, ratio } = network.held();
      if (round === 1) {
        expectClose(y, expected.x_1, tolerance.abs);
        expectClose(z, expected.w_1, tolerance.abs);
      }
      const wanted = expected[`z_${round}`];
      if (wanted !== undefined) expectClose(ratio, wanted, tolerance.abs);
    }
    // Who forgets the weights ends at different values.
    const { y, z, ratio } = network.held();
    expectClose(z, expected.w_limit, tolerance.abs);
    expectClose(y, expected.naive_average_without_weights_limit, tolerance.abs);
    expectClose(
      ratio,
      z.map(() => expected.limit),
      tolerance.abs,
    );
  });
});

describe('robust-push-sum-loss40', () => {
  const { inputs, expected, tolerance } = caseOf('robust-push-sum-loss40');
  const play = (variant: string, at: (round: number, playing: Averaging) => void = () => undefined) => {
    const network = new Averaging(inputs.directed_edges, inputs.x0, variant);
    for (const [index, lost] of inputs.loss_script.entries()) {
      network.round((arc) => lost[arc] === 0);
      at(index + 1, network);
    }
    return network;
  };

  test('the scripted losses leave masses and ratios as in the case, and the sums constant', () => {
    const network = play('robust', (round, playing) => {
      const { y, z, ratio } = playing.held();
      if (round <= 2) expectClose(y, expected[`y_${round}`], tolerance.abs);
      if (round === 1) expectClose(z, expected.z_1, tolerance.abs);
      const wanted = expected[`ratio_${round}`];
      if (wanted !== undefined) expectClose(ratio, wanted, tolerance.abs);
      expectClose([playing.total().y, playing.total().z], [expected.mass_y, expected.mass_z], 1e-12);
    });
    expectClose(network.held().ratio, [3, 3, 3, 3], 1e-12);
  });

  test('plain push-sum loses its mass and ends at a wrong value', () => {
    const { y, z, ratio } = play('plain').held();
    expectClose(ratio, expected.naive_ratio_80, tolerance.abs);
    expectClose([sum(y), sum(z)], [expected.naive_mass_y, expected.naive_mass_z], tolerance.abs);
  });
});

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** A strong digraph: a ring and random chords. */
function digraph(random: Random, count: number): Arc[] {
  const ring = Array.from({ length: count }, (_, node): Arc => [node, (node + 1) % count]);
  const chords = Array.from({ length: count }, (): Arc => [random.integer(count), random.integer(count)]);
  const all = [...ring, ...chords.filter(([from, to]) => from !== to)];
  return [...new Map(all.map((arc) => [arc.join(), arc])).values()];
}

describe.each(ROUNDED)('%s: whatever becomes of the messages', (name) => {
  const start = (arcs: readonly Arc[], values: readonly number[]) =>
    new Averaging(arcs, values, 'robust', name);

  const seeds = fc.integer({ min: 0, max: 2 ** 31 });

  test('lost, copied, in any order: the sums stay, and so does the mean the peers end with', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = Random.of(seed, 'fate');
        const count = 3 + random.integer(5);
        const values = Array.from({ length: count }, () => 10 * random.normal());
        const network = start(digraph(random, count), values);
        const under: Letter[] = [];
        for (let round = 0; round < 40; round++) {
          for (const letter of network.give())
            for (let copy = 0; copy < random.integer(3); copy++) under.push(letter);
          for (let some = random.integer(under.length + 1); some > 0; some--)
            network.deliver(under.splice(random.integer(under.length), 1)[0]!);
          expect(network.total().y).toBeCloseTo(sum(values), 11);
          expect(network.total().z).toBeCloseTo(count, 11);
        }
        for (let round = 0; round < 300; round++) network.round();
        expectClose(
          network.held().ratio,
          values.map(() => sum(values) / count),
          1e-9,
        );
      }),
      { numRuns: 12 },
    );
  });

  test('links down for a while and peers restarted from their checkpoints change neither', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = Random.of(seed, 'restarts');
        const count = 3 + random.integer(4);
        const values = Array.from({ length: count }, () => 10 * random.normal());
        const network = start(digraph(random, count), values);
        const saved = new Map<number, { snapshot: Uint8Array; round: number; params: Float64Array }>();
        for (let round = 1; round <= 60; round++) {
          network.round(() => random.uniform() < 0.7);
          const self = random.integer(count);
          const peer = network.peers[self]!;
          const other = peer.context.outNeighbours[0]!;
          const kept = saved.get(self);
          if (round % 7 === 0 && kept !== undefined)
            network.restart(self, kept.snapshot, kept.round, kept.params);
          else if (round % 5 === 0) {
            const params = Float64Array.from(peer.completed ?? [0]);
            saved.set(self, { snapshot: rule.snapshot!(peer.state), round: peer.round, params });
          } else if (round % 3 === 0) peer.down(other);
          else peer.up(other, network.incarnations[other]);
          expect(network.total().y).toBeCloseTo(sum(values), 10);
          expect(network.total().z).toBeCloseTo(count, 10);
        }
        for (const peer of network.peers)
          for (const other of peer.context.outNeighbours) peer.up(other, network.incarnations[other]);
        for (let round = 0; round < 400; round++) network.round();
        expectClose(
          network.held().ratio,
          values.map(() => sum(values) / count),
          1e-8,
        );
      }),
      { numRuns: 12 },
    );
  });

  test('peers in another order end with the same values in that order', () => {
    const random = Random.of(11, 'order');
    const arcs = digraph(random, 6);
    const values = [1, -4, 2.5, 7, 0.25, 3];
    const order = [4, 2, 0, 5, 1, 3];
    const moved = order.map((_, peer) => values[order.indexOf(peer)]!);
    const network = start(arcs, values);
    const renamed = start(
      arcs.map(([from, to]) => [order[from]!, order[to]!]),
      moved,
    );
    for (let round = 0; round < 15; round++) {
      network.round();
      renamed.round();
    }
    const { ratio } = renamed.held();
    expectClose(
      order.map((peer) => ratio[peer]!),
      network.held().ratio,
      1e-12,
    );
  });
});

describe.each(ROUNDED)('%s: lives', (name) => {
  const start = (arcs: readonly Arc[], values: readonly number[]) =>
    new Averaging(arcs, values, 'robust', name);

  test('a peer that leaves hands its mass over, and says so more than once', () => {
    const network = start(
      [
        [0, 1],
        [1, 2],
        [2, 0],
      ],
      [3, 6, 30],
    );
    const letters = lettersOf(0, network.peers[0]!.step({ kind: 'end' }));
    expect(letters).toHaveLength(1);
    const repeated = lettersOf(0, network.peers[0]!.timer('farewell'));
    expect(network.held().z[0]).toBe(0);
    network.deliver(repeated[0]!);
    expect(network.held().y).toEqual([0, 9, 30]);
    expect(refusals(network.deliver(letters[0]!))).toEqual(['stale']);
    expect(network.total()).toEqual({ y: 39, z: 3 });
  });

  test('who leaves passes on what comes after, until nothing has come for a while', () => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], trains: false });
    peer.begin(0, Float64Array.of(4));
    peer.step({ kind: 'end', leaves: true });
    const isLeaving = () => rule.isLeaving!(peer.state);
    const sum = (count: number, z: number): RuleMessage => {
      return { kind: 'sum', round: 0, vectors: [Float64Array.of(3 * z)], numbers: [1, 0, 0, count, z] };
    };
    const told: number[] = [];
    for (let said = 0; isLeaving(); said++) {
      if (said < 3) peer.hears(1, sum(said + 1, (said + 1) / 2));
      else peer.hears(1, sum(said + 1, 1.5)); // told again, and nothing new
      told.push(sends(peer.timer('farewell'))[0]!.message.numbers[4]!);
      expect(massOf(peer.state)!.z).toBe(0);
    }
    expect(told.slice(0, 4)).toEqual([1.5, 2, 2.5, 2.5]);
    expect(told.length).toBe(11);
    // However much comes, it ends.
    const busy = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], trains: false });
    busy.begin(0, Float64Array.of(4));
    busy.step({ kind: 'end', leaves: true });
    let said = 0;
    for (; rule.isLeaving!(busy.state); said++) {
      busy.hears(1, sum(said + 1, (said + 1) / 8));
      busy.timer('farewell');
    }
    expect(said).toBe(24);
  });

  test('who leaves before it has begun hands over what it was given', () => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], trains: false });
    peer.hears(1, { kind: 'sum', round: 0, vectors: [Float64Array.of(3)], numbers: [1, 0, 0, 1, 0.5] });
    const letters = lettersOf(0, peer.step({ kind: 'end', leaves: true }));
    expect(letters.map(({ message }) => message.numbers[4])).toEqual([0.5]);
  });

  test('a neighbour that leaves is told at once, and again, what it was given; one that is back is not', () => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1, 2], trains: false });
    peer.begin(0, Float64Array.of(4));
    peer.now = 100;
    const [given] = sends(peer.timer('cycle'));
    const goodbye = {
      kind: 'neighbour',
      peer: 1,
      status: 'down',
      left: true,
      round: 0,
      incarnation: 1,
    } as const;
    const counts: number[] = [];
    for (let told = sends(peer.step(goodbye)); told.length > 0; told = sends(peer.timer('see-off'))) {
      expect(told.map(({ to }) => to)).toEqual([[1]]);
      expect(told[0]!.message.vectors).toEqual(given!.message.vectors);
      counts.push(told[0]!.message.numbers[3]!);
    }
    expect(counts).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    peer.step({ kind: 'neighbour', peer: 1, status: 'up', round: 0, incarnation: 2 });
    peer.step({ ...goodbye, incarnation: 2 });
    peer.step({ kind: 'neighbour', peer: 1, status: 'up', round: 0, incarnation: 3 });
    expect(sends(peer.timer('see-off'))).toEqual([]);
  });

  test('a neighbour that leaves and was given nothing, because it is not sent to, is not waited on', () => {
    const peer = new DrivenRule({
      rule: 'push-sum',
      self: 0,
      outNeighbours: [1],
      inNeighbours: [2],
      trains: false,
    });
    peer.begin(0, Float64Array.of(4));
    peer.now = 100;
    peer.timer('cycle');
    const goodbye = { kind: 'neighbour', status: 'down', left: true, round: 0, incarnation: 1 } as const;
    expect(peer.step({ ...goodbye, peer: 2 })).toEqual([]);
    // Together with one that is told, whose end is the end of the timer.
    let actions = peer.step({ ...goodbye, peer: 1 });
    for (let times = 0; times < 7; times++) {
      expect(actions.map(({ kind }) => kind)).toEqual(['send', 'setTimer']);
      actions = peer.timer('see-off');
    }
    expect(actions.map(({ kind }) => kind)).toEqual(['send']);
  });

  test('who is stopped or sees somebody off before its first round says so in round 0', () => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], trains: false });
    peer.hears(1, { kind: 'sum', round: 0, vectors: [Float64Array.of(3)], numbers: [1, 0, 0, 1, 0.5] });
    const letters = lettersOf(0, peer.step({ kind: 'end', leaves: true }));
    expect(letters.map(({ message }) => message.round)).toEqual([0]);
  });

  test('leaving does not take longer where rounds are long', () => {
    const options = { periodMs: 60_000 };
    const peer = new DrivenRule({ rule: 'push-sum', options, self: 0, outNeighbours: [1], trains: false });
    peer.begin(0, Float64Array.of(4));
    const timers = peer.step({ kind: 'end', leaves: true }).filter(({ kind }) => kind === 'setTimer');
    expect(timers).toEqual([{ kind: 'setTimer', name: 'farewell', delayMs: 50 }]);
  });

  test('who has given next to all goes on telling it: a link that swallowed messages, and heals, brings it back', () => {
    const network = new Averaging(
      [
        [0, 1],
        [1, 0],
      ],
      [2, 4],
    );
    for (let round = 0; round < 200; round++) network.round(() => false);
    for (let round = 0; round < 100; round++) network.round();
    expectClose(network.held().ratio, [3, 3], 1e-9);
  });

  test('a peer that lost everything brings its params again, and takes nothing that an earlier life had taken', () => {
    const network = start(
      [
        [0, 1],
        [1, 0],
      ],
      [2, 4],
    );
    for (let round = 0; round < 20; round++) network.round();
    network.restart(0, undefined, 20, Float64Array.of(2));
    for (let round = 0; round < 60; round++) network.round();
    const { z, ratio } = network.held();
    for (const weight of z) expect(weight).toBeGreaterThan(0.5);
    for (const value of ratio) {
      expect(value).toBeGreaterThan(2);
      expect(value).toBeLessThan(3);
    }
  });

  test('who goes back far is given nothing back that would leave its neighbour without mass', () => {
    const network = start(
      [
        [0, 1],
        [1, 0],
      ],
      [2, 4],
    );
    const snapshot = rule.snapshot!(network.peers[0]!.state);
    for (let round = 0; round < 30; round++) network.round();
    network.restart(0, snapshot, 0, Float64Array.of(2));
    for (let round = 0; round < 400; round++) {
      network.round();
      for (const z of network.held().z) expect(z).toBeGreaterThan(0);
    }
    expectClose(network.held().ratio, [3, 3], 1e-9);
    expectClose([network.total().y, network.total().z], [6, 2], 1e-11);
  });
});

describe.each(ROUNDED)('%s: precision', (name) => {
  const start = (arcs: readonly Arc[], values: readonly number[]) =>
    new Averaging(arcs, values, 'robust', name);

  test('after thousands of rounds ratio and sums are as exact as after a hundred', () => {
    const network = start(
      [
        [0, 1],
        [1, 2],
        [2, 0],
        [0, 2],
      ],
      [1, 5, 9],
    );
    const random = Random.of(2, 'long');
    const rounds = name === 'push-sum' ? 10_000 : 3_000;
    for (let round = 0; round < rounds; round++) network.round(() => random.uniform() < 0.6);
    for (let round = 0; round < 50; round++) network.round();
    expectClose(network.held().ratio, [5, 5, 5], 1e-12);
    expectClose([network.total().y, network.total().z], [15, 3], 1e-9);
  });
});

describe.each(ROUNDED)('%s: precision where weight runs out', (name) => {
  const start = (arcs: readonly Arc[], values: readonly number[]) =>
    new Averaging(arcs, values, 'robust', name);

  test('who gives and is given nothing, because those that gave to it have gone, keeps its value; who is given to takes no other', () => {
    const network = start(
      [
        [0, 1],
        [1, 0],
        [0, 2],
        [2, 0],
      ],
      [1, 5, 9],
    );
    for (let round = 0; round < 300; round++) network.round();
    for (let round = 0; round < 35; round++) {
      network.round((arc) => arc === 0 || arc === 2);
      const { z, ratio } = network.held();
      expect(z[0]).toBeGreaterThan(0);
      // Of next to no weight the rest that cannot be told is a larger share.
      expectClose(ratio, [5, 5, 5], name === 'push-sum' ? 1e-9 : 1e-5);
      expectClose([network.total().y, network.total().z], [15, 3], 1e-11);
    }
    // A third of the weight is left each time, down to what helps nobody.
    expect(network.held().z[0]).toBeLessThan(name === 'push-sum' ? 1e-15 : 2e-12);
    for (let round = 0; round < 100; round++) network.round();
    expectClose(network.held().ratio, [5, 5, 5], 1e-11);
  });
});

describe('training', () => {
  test('the change is added to y, and the step in x is bounded where z is small', () => {
    const options = { stepFactorMax: 2 };
    const peer = new DrivenRule({ rule: 'push-sum', options, self: 0, outNeighbours: [1] });
    peer.begin(0, Float64Array.of(4));
    peer.now = 100;
    peer.trained(5);
    expect(massOf(peer.state)).toMatchObject({ y: Float64Array.of(2.5), z: 0.5 });
    for (const z of [0.25, 0.125]) {
      const x = peer.completed![0]!;
      peer.next();
      peer.now += 100;
      peer.trained(x + 1);
      expect(massOf(peer.state)!.z).toBe(z);
      // z was twice that: at 0.5 a step is amplified by 2, and at 0.25 by no more than that.
      expect(peer.completed![0]! - x).toBeCloseTo(2, 12);
    }
  });

  test('params fetched from another peer replace the own ones, and only where there is training', () => {
    for (const trains of [true, false]) {
      const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], trains });
      peer.begin(0, Float64Array.of(4));
      peer.begin(7, Float64Array.of(10));
      expect(massOf(peer.state)!.y[0]).toBe(trains ? 10 : 4);
    }
  });
});

describe('what cannot be true is refused', () => {
  const refused = (numbers: readonly number[], variant = 'robust') => {
    const peer = new DrivenRule({ rule: 'push-sum', options: { variant }, self: 0, outNeighbours: [1] });
    peer.begin(0, Float64Array.of(4));
    const kind = variant === 'robust' ? 'sum' : 'share';
    peer.hears(1, { kind: 'sum', round: 0, vectors: [Float64Array.of(0.5)], numbers: [1, 0, 0, 1, 0.5] });
    const actions = peer.hears(1, { kind, round: 0, vectors: [Float64Array.of(1)], numbers });
    expect(massOf(peer.state)!.z).toBe(variant === 'robust' ? 1.5 : 1);
    return refusals(actions);
  };
  test.each([
    ['mass gone negative', [1, 0, 0, 2, 0.4], 'impossible'],
    ['more mass than all peers have', [1, 0, 0, 2, 900], 'impossible'],
    ['four times all that there is', [1, 0, 0, 2, 32.6], 'impossible'],
    ['a copy', [1, 0, 0, 1, 0.7], 'duplicate'],
    ['an older sum', [1, 0, 0, 0, 0.7], 'stale'],
    ['too few numbers', [1, 0, 0], 'malformed'],
    ['half a count', [1, 0, 0, 2.5, 0.7], 'malformed'],
  ])('%s', (_, numbers, reason) => expect(refused(numbers)).toEqual([reason]));

  test.each([100, 2 ** 31 - 1])('a huge weight, in a run of %d rounds at most', (rounds) => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], rounds });
    peer.begin(0, Float64Array.of(4));
    const offer = (z: number): RuleMessage => {
      return { kind: 'sum', round: 0, vectors: [Float64Array.of(-77 * z)], numbers: [1, 0, 0, 1, z] };
    };
    expect(refusals(peer.hears(1, offer(33)))).toEqual(['impossible']);
    expect(massOf(peer.state)!.y).toEqual(Float64Array.of(4));
    expect(refusals(peer.hears(1, offer(8)))).toEqual([]);
  });

  test('who went back to a checkpoint is given again what it was given since, however much', () => {
    const peer = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1] });
    peer.begin(0, Float64Array.of(4));
    const snapshot = rule.snapshot!(peer.state);
    const life = { incarnation: 2, snapshot };
    const again = new DrivenRule({ rule: 'push-sum', self: 0, outNeighbours: [1], life });
    again.begin(0, Float64Array.of(4));
    const offer = (count: number, z: number): RuleMessage => {
      return { kind: 'sum', round: 0, vectors: [Float64Array.of(3 * z)], numbers: [1, 0, 0, count, z] };
    };
    expect(refusals(again.hears(1, offer(90, 60)))).toEqual([]);
    expect(refusals(again.hears(1, offer(91, 120)))).toEqual(['impossible']);
  });

  test('plain: a negative share, and a huge one', () => {
    expect(refused([-0.1], 'plain')).toEqual(['impossible']);
    expect(refused([100], 'plain')).toEqual(['impossible']);
    expect(refused([], 'plain')).toEqual(['malformed']);
    expect(refused([0.1, 0.1], 'plain')).toEqual(['malformed']);
  });

  test.each([
    ['a huge value of a fair weight', 1e39, 0.5],
    ['a value without weight', 1, 0],
    ['a fair value of next to no weight', 1, 1e-40],
    ['a negative one', -1e300, 0.5],
  ])('%s: params stay what can be trained and sent in f32', (_, value, z) => {
    for (const variant of ['robust', 'plain']) {
      const peer = new DrivenRule({ rule: 'push-sum', options: { variant }, self: 0, outNeighbours: [1] });
      const vectors = [Float64Array.of(value)];
      const message: RuleMessage =
        variant === 'robust'
          ? { kind: 'sum', round: 0, vectors, numbers: [1, 0, 0, 1, z] }
          : { kind: 'share', round: 0, vectors, numbers: [z] };
      const wanted = {
        kind: 'refuse',
        from: 1,
        reason: 'impossible',
        detail: expect.stringMatching(/beyond/),
      };
      // Also before the first round, when there is no mass of its own yet.
      expect(peer.hears(1, message)).toEqual([wanted]);
      peer.begin(0, Float32Array.of(4));
      if (value !== 1) expect(peer.hears(1, message)).toEqual([wanted]);
      peer.now = 100;
      peer.step({ kind: 'trained', params: Float32Array.of(4) });
      expect(Number.isFinite(peer.completed![0]!)).toBe(true);
    }
  });

  test.each([
    [{ variant: 'weak' }, /one of robust, plain/],
    [{ stepFactorMax: 0.5 }, /stepFactorMax is 0.5; it must be a number from 1/],
  ])('options %j', (given, problem) => {
    const parsed = rule.parse(given);
    expect(parsed.ok ? '' : parsed.problems.join()).toMatch(problem);
  });

  test('a graph in which somebody is sent to by nobody', () => {
    const graph = { peerCount: 2, undirected: false, outDegrees: [1, 0], inDegrees: [0, 1] };
    expect(rule.fits!({}, graph).join()).toMatch(/peer 0 is sent to by 0/);
  });
});
