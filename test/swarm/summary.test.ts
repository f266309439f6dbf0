/** What a run's summary says where nobody holds test data. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PARAMS_FILE, type PeerReport } from '../../src/node/run-peer.ts';
import { layoutOf } from '../../src/params/layout.ts';
import { encodeSafetensors } from '../../src/params/safetensors.ts';
import { formatSummary, parseSummary } from '../../src/record/index.ts';
import { summarise } from '../../src/swarm/summary.ts';
import { zeroCounters } from '../../src/transport/transport.ts';

const report: PeerReport = {
  name: 'oslo',
  reason: 'rounds',
  round: 3,
  startRound: 2,
  samples: 10,
  backend: 'cpu',
  own: undefined,
  global: undefined,
  paramsSha256: 'ab'.repeat(32),
  tensors: 0,
  aggregated: [],
  totals: {
    refusals: {},
    notices: {},
    faults: {},
    exclusions: {},
    halfExchanges: { count: 0, drift: 0 },
    trainMs: 1,
    exchangeMs: 1,
    waitMs: 1,
  },
  counters: zeroCounters(),
  wallMs: 10,
  cpuSeconds: 1,
  rssBytesMax: 1,
  eventLoopDelayP99Ms: 1,
  pid: 1,
};

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-summary-'));
  const layout = layoutOf([{ name: 'bias', shape: [2] }]);
  const params = new Float32Array(2);
  await writeFile(join(folder, PARAMS_FILE), encodeSafetensors({ layout, params, metadata: {} }));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const summaryOf = (isResumed: boolean, reports = [report]) =>
  summarise({
    name: 'untested',
    seed: 1,
    hasGlobalTest: false,
    members: reports.map(({ name }) => ({ name, folder, samples: 10 })),
    outcome: { reports, baselines: { alone: [], pooled: undefined }, interrupted: false, wallMs: 10 },
    isResumed,
    launcherCpuSeconds: 0,
  });

test('without test data the summary names no accuracy, rather than one of 0, and can be read again', async () => {
  const summary = await summaryOf(false);
  expect(summary.accuracy).toEqual({ set: 'own' });
  expect(parseSummary(formatSummary(summary), 'summary.json')).toEqual(summary);
});

test('of a run that was taken up again it says which round its time begins at; a peer that was killed in it changes nothing', async () => {
  const again = await summaryOf(true, [
    { ...report, startRound: 2 },
    { ...report, startRound: 1 },
  ]);
  expect(again).toMatchObject({ rounds: 3, startRound: 1, wallSeconds: 0.01 });
  expect(parseSummary(formatSummary(again), 'summary.json')).toEqual(again);
  expect(await summaryOf(false)).not.toHaveProperty('startRound');
  expect(await summaryOf(true, [{ ...report, startRound: 0 }])).not.toHaveProperty('startRound');
});
