/** A small summary of two silos, for tests. */
import { type PeerSummary, type RunSummary, SUMMARY_FORMAT } from '../../src/record/index.ts';

function examplePeer(name: string, changes: Partial<PeerSummary> = {}): PeerSummary {
  return {
    name,
    samples: 120,
    rounds: 10,
    ownTest: 0.9,
    globalTest: 0.875,
    alone: { ownTest: 0.85, globalTest: 0.5 },
    bytesSent: 2_048_000,
    messagesSent: 20,
    paramsSha256: 'ab'.repeat(32),
    exclusions: 0,
    exclusionsByReason: {},
    refusals: {},
    timeShare: { training: 0.5, waiting: 0.25, exchanging: 0.125 },
    eventLoopDelayP99Ms: 4,
    backend: 'tensorflow',
    pid: 4242,
    ...changes,
  };
}

export function exampleSummary(changes: Partial<RunSummary> = {}): RunSummary {
  return {
    type: 'summary',
    format: SUMMARY_FORMAT,
    name: 'two-silos',
    mode: 'swarm',
    seed: 1,
    backend: 'tensorflow',
    rounds: 10,
    endReason: 'rounds',
    wallSeconds: 12.5,
    cpuSeconds: 20,
    accuracy: {
      set: 'global',
      alone: { mean: 0.5, worst: 0.4 },
      together: { mean: 0.875, worst: 0.86 },
      pooled: 0.9,
    },
    consensusDistance: 0.0125,
    bytesSent: 4_096_000,
    messagesSent: 40,
    peers: [
      examplePeer('north'),
      examplePeer('south', { exclusions: 1, exclusionsByReason: { deadline: 1 } }),
    ],
    ...changes,
  };
}
