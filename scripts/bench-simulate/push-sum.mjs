/**
 * Robust push-sum on the union of 4 random permutations, no training, links of a millisecond (as where an experiment names none): rounds
 * until every peer's estimate is within 1e-6 (relative) of the mean. Seen from outside at each round's end; the simulation ends at the
 * instant at which the last peer is there.
 */
import { findExchangeRule } from '../../dist/exchange/index.js';
import { peerConfig } from '../../dist/peer/index.js';
import { simulate } from '../../dist/simulate/index.js';
import { buildOverlay, mixingMatrix } from '../../dist/topology/index.js';

const TOLERANCE = 1e-6;
const ROUNDS_MAX = 400;
const noLimit = () => Number.POSITIVE_INFINITY;
const LINKS = {
  delayMs: () => 1,
  jitterMs: () => 0,
  arcMbps: noLimit,
  upMbps: noLimit,
  downMbps: noLimit,
  queueBytesMax: Number.POSITIVE_INFINITY,
  isPlain: true,
};

/** @returns {Promise<{peers: number, rounds: number, error: number, events: number, cpuSeconds: number, wallSeconds: number, rssMB: number}>} */
export async function pushSum(peerCount) {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const overlay = buildOverlay({ kind: 'permutations', count: 4, seed: 1 }, peerCount);
  const rule = findExchangeRule('push-sum');
  const plan = {
    seed: 1,
    overlay,
    matrices: [mixingMatrix(overlay, 'uniform')],
    rule,
    ruleOptions: rule.parse({}).options,
    carrier: 'stream',
    deadline: { factor: 1.5, floorMs: 1000, ceilingMs: 10_000, downGraceMs: 1000 },
    rounds: ROUNDS_MAX,
    checkpointEveryRounds: 1_000_000,
    evaluateEveryRounds: 1,
    gatherMs: 1000,
    pullTimeoutMs: 1000,
  };
  const initial = (self) => Float64Array.of(1 + ((self * 7919) % peerCount) / peerCount);
  const peers = overlay.nodes.map((_, self) => ({
    config: peerConfig(plan, self, 0),
    trainer: {
      initialParams: async () => initial(self),
      snapshot: async () => new Uint8Array(0),
      restore: async () => undefined,
    },
  }));
  const mean = peers.reduce((sum, _, self) => sum + initial(self)[0], 0) / peerCount;
  const off = new Uint8Array(peerCount).fill(1);
  let offCount = peerCount;
  let rounds = 0;
  let endMs = Number.POSITIVE_INFINITY;
  const observer = {
    onEvaluate(peer, round, params, nowMs) {
      const isOff = Math.abs(params[0] / mean - 1) > TOLERANCE ? 1 : 0;
      offCount += isOff - off[peer];
      off[peer] = isOff;
      rounds = Math.max(rounds, round);
      if (offCount === 0) endMs = Math.min(endMs, nowMs);
      return undefined;
    },
  };
  const result = await simulate(peers, {
    observer,
    links: LINKS,
    get untilMs() {
      return endMs;
    },
  });
  const { user, system } = process.cpuUsage(before);
  return {
    peers: peerCount,
    rounds,
    error: result.peers.reduce((most, { params }) => Math.max(most, Math.abs(params[0] / mean - 1)), 0),
    events: result.eventCount,
    cpuSeconds: (user + system) / 1e6,
    wallSeconds: (performance.now() - startedMs) / 1000,
    rssMB: process.resourceUsage().maxRSS / 1024,
  };
}
