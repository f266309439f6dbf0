/** Peers of the quadratic toy in every driver: virtual time, or nodes over any Transport. */

import { present } from '../../src/base/assert.ts';
import { realClock } from '../../src/base/clock.ts';
import { findExchangeRule } from '../../src/exchange/registry.ts';
import { newIdentity } from '../../src/identity/index.ts';
import { PeerNode } from '../../src/node/node.ts';
import { layoutDigest } from '../../src/params/layout.ts';
import type { LogLine } from '../../src/peer/log.ts';
import { peerConfig, type RunPlan } from '../../src/peer/plan.ts';
import { Recorder } from '../../src/record/recorder.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import { buildOverlay, defaultMixing, mixingMatrices, type Overlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { libp2pTransport } from '../../src/transport/libp2p/index.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { frameLimits, type WireBounds } from '../../src/wire/message.ts';

const DIMENSION = 33;
const STEPS_PER_ROUND = 3;

export interface ToyRun {
  readonly rule: string;
  readonly options?: Record<string, unknown>;
  readonly overlay?: Overlay;
  readonly rounds?: number;
  readonly carrier?: 'stream' | 'gossip';
}

export function toyPlan({
  rule: name,
  options = {},
  overlay,
  rounds = 12,
  carrier = 'stream',
}: ToyRun): RunPlan {
  const rule = present(findExchangeRule(name), `rule ${name}`);
  const parsed = rule.parse(options);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  const graph = overlay ?? buildOverlay({ kind: 'ring' }, 5);
  return {
    seed: 7,
    overlay: graph,
    matrices: mixingMatrices(graph, defaultMixing(graph)),
    rule,
    ruleOptions: parsed.options,
    carrier,
    // Longer than any machine is busy: what these runs compute and refuse must not depend on it. Late messages are asked for after an
    // eighth of it.
    deadline: { factor: 1.5, floorMs: 600_000, ceilingMs: 600_000, downGraceMs: 60_000 },
    rounds,
    checkpointEveryRounds: 4,
    evaluateEveryRounds: 5,
    gatherMs: 60_000,
    pullTimeoutMs: 2000,
  };
}

/** Peer i pulls towards its own random optimum; noise makes every step's bits depend on (peer, step). */
function toyTrainer(peer: number): Trainer {
  const coordinate = (index: number) => Math.sin(1 + 3 * peer + index);
  return quadraticTrainer({
    optimum: Array.from({ length: DIMENSION }, (_, index) => coordinate(index)),
    curvature: Array.from({ length: DIMENSION }, (_, index) => 1 + 0.5 * coordinate(index + 99)),
    learningRate: 0.1,
    precision: 'f32',
    noise: { seed: 7, peerIndex: peer, stdDev: 0.1 },
  });
}

export function toyPeers(plan: RunPlan) {
  return plan.overlay.nodes.map((_, peer) => ({
    config: peerConfig(plan, peer, STEPS_PER_ROUND),
    trainer: toyTrainer(peer),
  }));
}

export type MakeTransport = (self: number, plan: RunPlan, bounds: WireBounds) => Transport;

/** Turns of the event loop in which sockets are looked at while a real node trains. */
const TURNS = 10;

/** Else an asynchronous peer does all of its rounds before the first message arrives. */
function takingTurns(trainer: Trainer): Trainer {
  return {
    ...trainer,
    train: async (...given) => {
      for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      return trainer.train(...given);
    },
  };
}

/** One libp2p Transport per peer, on loopback and port 0. */
export function libp2pTransports(peerCount: number): MakeTransport {
  const identities = Array.from({ length: peerCount }, () => newIdentity());
  const members = identities.map(({ peerId }, index) => ({ name: `silo-${index}`, peerId }));
  return (self, plan, bounds) => {
    const { outNeighbours, inNeighbours } = peerConfig(plan, self, STEPS_PER_ROUND).context;
    return libp2pTransport(
      {
        self,
        members,
        privateKeySeed: present(identities[self], 'identity').seed,
        outNeighbours,
        inNeighbours,
        carrier: plan.carrier,
        limits: frameLimits(bounds),
      },
      { clock: realClock },
    );
  };
}

export interface ToyResult {
  readonly params: Float32Array;
  readonly log: readonly LogLine[];
  readonly refusals: Readonly<Record<string, number>>;
  readonly exclusions: Readonly<Record<string, number>>;
}

/** Runs the plan as real nodes and closes them. */
export async function runToyNodes(plan: RunPlan, transports: MakeTransport): Promise<readonly ToyResult[]> {
  const nodes = toyPeers(plan).map(({ config, trainer }) => {
    const bounds: WireBounds = {
      layoutSize: DIMENSION,
      messages: plan.rule.messages,
      params: 'f32',
      roundsMax: plan.rounds + 1,
    };
    const lines: string[] = [];
    const recorder = new Recorder({ peer: config.self, level: 'all' }, (line) => lines.push(line));
    const node = new PeerNode(
      {
        config,
        bounds,
        experimentDigest: 'e'.repeat(64),
        layoutDigest: layoutDigest(trainer.layout),
        incarnation: 1,
        checkpoints: { everyRounds: plan.checkpointEveryRounds, keep: 2 },
        goal: {},
      },
      {
        transport: transports(config.self, plan, bounds),
        trainer: takingTurns(trainer),
        storage: memoryStorage(),
        recorder,
        clock: realClock,
      },
    );
    return { node, lines, recorder };
  });
  const addresses = new Map<number, readonly string[]>();
  try {
    await Promise.all(nodes.map(async ({ node }, peer) => addresses.set(peer, await node.start())));
    for (const { node } of nodes) node.connect(addresses);
    const outcomes = await Promise.all(nodes.map(({ node }) => node.finished));
    return outcomes.map(({ params }, peer) => {
      const { lines, recorder } = present(nodes[peer], 'node');
      const { refusals, exclusions } = recorder.totals;
      return { params: Float32Array.from(params), log: eventLines(lines), refusals, exclusions };
    });
  } finally {
    await Promise.all(nodes.map(({ node }) => node.close()));
  }
}

/** The event log as somebody who has only the file would read it. */
function eventLines(lines: readonly string[]): LogLine[] {
  return lines
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'event')
    .map(({ nowMs, event }) => ({ nowMs, event }));
}
