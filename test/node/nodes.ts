/** Real nodes in this process: memory network, memory storage, toy Trainers. */
import { present } from '../../src/base/assert.ts';
import { type Clock, realClock } from '../../src/base/clock.ts';
import type { Checkpoint } from '../../src/node/checkpoint.ts';
import { newestCheckpoint } from '../../src/node/checkpoint-store.ts';
import { PeerNode } from '../../src/node/node.ts';
import { layoutDigest } from '../../src/params/layout.ts';
import type { LogLine } from '../../src/peer/log.ts';
import type { RunPlan } from '../../src/peer/plan.ts';
import { messagesOf } from '../../src/peer/telling.ts';
import { Recorder } from '../../src/record/recorder.ts';
import { type MemoryStorage, memoryStorage } from '../../src/storage/memory.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { type MemoryNetwork, memoryNetwork } from '../../src/transport/memory/index.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { frameLimits, type WireBounds } from '../../src/wire/message.ts';
import { DIMENSION, momentumTrainer, virtualPeers } from '../peer/virtual.ts';

export const EXPERIMENT = 'e'.repeat(64);
export const EVENTS = 'events.jsonl';

export interface TestPeer {
  readonly node: PeerNode;
  readonly trainer: Trainer;
  readonly recorder: Recorder;
  readonly storage: MemoryStorage;
}

export interface TestSwarm {
  readonly peers: readonly TestPeer[];
  readonly network: MemoryNetwork;
  /** Starts all peers and tells them of each other. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface SwarmGiven {
  readonly plan: RunPlan;
  readonly storages?: readonly MemoryStorage[];
  readonly incarnation?: number;
  /** Resume from the checkpoint of this round. */
  readonly resumeRound?: number;
  readonly trainer?: (peer: number) => Trainer;
  readonly clock?: Clock;
  readonly transport?: (peer: number, transport: Transport) => Transport;
  /** Metrics that the peer keeps to itself. */
  readonly withheld?: (peer: number) => readonly string[];
  readonly onRound?: (peer: number, round: number) => void;
}

function boundsOf(plan: RunPlan): WireBounds {
  return {
    layoutSize: DIMENSION,
    messages: messagesOf({ ...plan, peerCount: plan.overlay.nodes.length }),
    params: 'f32',
    roundsMax: plan.rounds + 1,
  };
}

export async function testSwarm(given: SwarmGiven): Promise<TestSwarm> {
  const { plan, incarnation = 1, trainer = momentumTrainer, clock = realClock } = given;
  const bounds = boundsOf(plan);
  const network = memoryNetwork({ limits: frameLimits(bounds) });
  const peers: TestPeer[] = [];
  for (const { config, trainer: learner } of virtualPeers(plan, trainer)) {
    const { self, context } = config;
    const storage = given.storages?.[self] ?? memoryStorage();
    const digests = { experimentDigest: EXPERIMENT, layoutDigest: layoutDigest(learner.layout) };
    const resumeFrom = await checkpointOf(storage, digests, given.resumeRound);
    const recorder = new Recorder({ peer: self, level: 'all' }, (line) =>
      storage.append(EVENTS, `${line.trimEnd()}\n`),
    );
    const links = [...new Set([...context.inNeighbours, ...context.outNeighbours])];
    const transport = network.transport(self, links);
    const node = new PeerNode(
      {
        config,
        bounds,
        ...digests,
        incarnation,
        checkpoints: { everyRounds: plan.checkpointEveryRounds, keep: 2 },
        goal: {},
        withheld: given.withheld?.(self) ?? [],
        ...(resumeFrom === undefined ? {} : { resumeFrom }),
      },
      {
        transport: given.transport?.(self, transport) ?? transport,
        trainer: learner,
        storage,
        recorder,
        clock,
        onRound: ({ round }) => given.onRound?.(self, round),
      },
    );
    peers.push({ node, trainer: learner, recorder, storage });
  }
  return {
    peers,
    network,
    async start() {
      const addresses = new Map<number, readonly string[]>();
      await Promise.all(peers.map(async ({ node }, peer) => addresses.set(peer, await node.start())));
      for (const { node } of peers) node.connect(addresses);
    },
    async close() {
      await Promise.all(peers.map(({ node }) => node.close()));
    },
  };
}

async function checkpointOf(
  storage: MemoryStorage,
  digests: { experimentDigest: string; layoutDigest: string },
  round: number | undefined,
): Promise<Checkpoint | undefined> {
  if (round === undefined) return undefined;
  return present(
    (await newestCheckpoint(storage, digests, round)).checkpoint,
    `checkpoint of round ${round}`,
  );
}

/** The records in the peer's log. */
export async function recordsOf(storage: MemoryStorage): Promise<Record<string, unknown>[]> {
  const bytes = (await storage.read(EVENTS)) ?? new Uint8Array(0);
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export async function logOf(storage: MemoryStorage): Promise<LogLine[]> {
  return (await recordsOf(storage))
    .filter(({ type }) => type === 'event')
    .map(({ nowMs, event }) => ({ nowMs, event }) as LogLine);
}
