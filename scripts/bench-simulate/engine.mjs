/**
 * The engine alone: peers with a rule that does next to nothing (a timer, then a message without numbers to every neighbour), so that
 * what is measured is the queue, the peer's steps, delivery and its accounts. Messages, timers, ends of training: each is one event.
 */
import { peerConfig } from '../../dist/peer/index.js';
import { simulate } from '../../dist/simulate/index.js';
import { buildOverlay, mixingMatrix } from '../../dist/topology/index.js';

const PLAN = {
  seed: 1,
  ruleOptions: {},
  carrier: 'stream',
  deadline: { factor: 1.5, floorMs: 1000, ceilingMs: 10_000, downGraceMs: 1000 },
  checkpointEveryRounds: 1_000_000,
  evaluateEveryRounds: 1_000_000,
  gatherMs: 1000,
  pullTimeoutMs: 1000,
};

/** Each round: wait a millisecond, greet everybody. */
const greeting = {
  name: 'greeting',
  summary: 'for measuring',
  graphs: 'strong',
  notFor: 'learning',
  tolerates: [],
  synchronous: false,
  broadcast: true,
  queue: 'latest',
  messages: { hello: { vectors: [] } },
  parse: (options) => ({ ok: true, options }),
  init: (context) => ({ context, round: 0, params: undefined }),
  waitingFor: () => [],
  step(state, event) {
    if (event.kind === 'begin') {
      state.round = event.round;
      state.params = event.params;
      return [{ kind: 'setTimer', name: 'wait', delayMs: 1 }];
    }
    if (event.kind !== 'timer') return [];
    const { round, params } = state;
    const message = { kind: 'hello', round, vectors: [], numbers: [] };
    return [
      { kind: 'send', to: state.context.outNeighbours, message },
      { kind: 'complete', round, params, excluded: [] },
    ];
  },
};

/** @returns {Promise<{peers: number, events: number, eventsPerSecond: number, cpuSeconds: number}>} */
export async function engineAlone(peerCount, rounds, links) {
  const overlay = buildOverlay({ kind: 'permutations', count: 4, seed: 1 }, peerCount);
  const plan = { ...PLAN, overlay, matrices: [mixingMatrix(overlay, 'uniform')], rule: greeting, rounds };
  const trainer = {
    initialParams: async () => new Float32Array(1),
    snapshot: async () => new Uint8Array(0),
    restore: async () => undefined,
  };
  const peers = overlay.nodes.map((_, self) => ({ config: peerConfig(plan, self, 0), trainer }));
  const before = process.cpuUsage();
  const { eventCount } = await simulate(peers, links === undefined ? {} : { links });
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  return { peers: peerCount, events: eventCount, eventsPerSecond: eventCount / cpuSeconds, cpuSeconds };
}
