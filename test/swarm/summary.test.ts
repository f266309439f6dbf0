/** What a run's summary says where nobody holds test data. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
  samples: 10,
  backend: 'cpu',
  own: undefined,
  global: undefined,
  paramsSha256: 'ab'.repeat(32),
  tensors: 0,
  aggregated: [],
  totals: { refusals: {}, notices: {}, faults: {}, exclusions: {}, trainMs: 1, exchangeMs: 1, waitMs: 1 },
  counters: zeroCounters(),
  wallMs: 10,
  cpuSeconds: 1,
  rssBytesMax: 1,
  eventLoopDelayP99Ms: 1,
  pid: 1,
};

test('without test data the summary names no accuracy, rather than one of 0, and can be read again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-summary-'));
  try {
    const layout = layoutOf([{ name: 'bias', shape: [2] }]);
    const params = new Float32Array(2);
    await writeFile(join(folder, PARAMS_FILE), encodeSafetensors({ layout, params, metadata: {} }));
    const summary = await summarise({
      name: 'untested',
      seed: 1,
      hasGlobalTest: false,
      members: [{ name: 'oslo', folder, samples: 10 }],
      outcome: {
        reports: [report],
        baselines: { alone: [], pooled: undefined },
        interrupted: false,
        wallMs: 10,
      },
      launcherCpuSeconds: 0,
    });
    expect(summary.accuracy).toEqual({ set: 'own' });
    expect(parseSummary(formatSummary(summary), 'summary.json')).toEqual(summary);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
