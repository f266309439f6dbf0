/** Half pair exchanges: counted by the record, in the summary and its text, and told to people. */
import { expect, test } from 'vitest';
import { formatSummary, parseSummary, Recorder, type RunSummary } from '../../src/record/index.ts';
import { summariseRun } from '../../src/record/summarise.ts';
import { describeRun } from '../../src/report/index.ts';

function summaryOf(drifts: readonly (number | undefined)[]): RunSummary {
  const recorder = new Recorder({ peer: 0, level: 'summary' }, () => undefined);
  for (const drift of drifts) recorder.halfExchange(drift);
  const outcome = {
    reason: 'rounds' as const,
    round: 3,
    backend: 'cpu',
    own: undefined,
    global: undefined,
    paramsSha256: 'ab'.repeat(32),
    totals: recorder.totals,
    aggregated: [],
    sent: { bytes: 1, messages: 1 },
    wallMs: 10,
  };
  return summariseRun({
    name: 'half',
    mode: 'simulate',
    startRound: 0,
    seed: 1,
    hasGlobalTest: false,
    members: [{ name: 'oslo', samples: 10 }],
    peers: [outcome],
    interrupted: false,
    alone: [],
    pooled: undefined,
    wallMs: 10,
    consensusDistance: 0,
  });
}
const told = (summary: RunSummary) =>
  describeRun({ directory: 'half', summary, silos: [], rounds: [], evaluations: [], warnings: [] } as never);

test('each is counted, and how far the silo moved alone is added up', () => {
  const summary = summaryOf([1.5, undefined, 0.25]);
  expect(summary.peers[0]?.halfExchanges).toEqual({ count: 3, drift: 1.75 });
  expect(parseSummary(formatSummary(summary), 'summary.json')).toEqual(summary);
  expect(told(summary)).toContain('exchanges that may be half: oslo 3, moved alone by 1.75');
});

test('without one nothing is said', () => {
  const summary = summaryOf([]);
  expect(summary.peers[0]).not.toHaveProperty('halfExchanges');
  expect(told(summary)).not.toContain('may be half');
});
