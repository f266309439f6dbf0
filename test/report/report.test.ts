import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRecord, formatSummary, parseSummary, type RoundRecord } from '../../src/record/index.ts';
import { bytes, percent, seconds } from '../../src/report/figures.ts';
import { compareRuns, describeRun, formatTable, loadRun, renderHtml } from '../../src/report/index.ts';
import { exampleSummary } from '../record/example.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-report-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function round(peer: number, number: number, globalTest: number): RoundRecord {
  return {
    type: 'round',
    peer,
    round: number,
    loss: 1,
    globalTest,
    excluded: [],
    bytesSent: 1000,
    messagesSent: 1,
  };
}

async function writeRun(name: string, { summary = true, tail = '' } = {}): Promise<string> {
  const directory = join(folder, name);
  for (const [peer, silo] of ['north', 'south'].entries()) {
    await mkdir(join(directory, 'peers', silo), { recursive: true });
    const lines = [
      formatRecord({ type: 'silo', peer, name: silo, samples: 120, testSamples: 30 }),
      formatRecord({ type: 'event', peer, sequence: 0, nowMs: 0, event: {} }),
      ...[1, 2, 2].map((number) => formatRecord(round(peer, number, 0.25 * (number + peer)))),
    ];
    await writeFile(join(directory, 'peers', silo, 'events.jsonl'), lines.join('') + tail);
  }
  if (summary) await writeFile(join(directory, 'summary.json'), formatSummary(exampleSummary()));
  return directory;
}

describe('report of one run', () => {
  it('says how many of its rounds are those of its time, where it was taken up again', async () => {
    const run = await loadRun(await writeRun('again'));
    const summary = exampleSummary({ startRound: 6 });
    expect(describeRun({ ...run, summary })).toContain(
      '10 rounds over 2 silos (real processes, tensorflow, seed 1), the last 4 of them in 12.5 s, 20.0 CPU-s',
    );
  });

  it('shows each silo alone and together, their mean and worst, the pooled reference and where time went', async () => {
    const text = describeRun(await loadRun(await writeRun('a')));
    expect(text).toContain(
      '10 rounds over 2 silos (real processes, tensorflow, seed 1) in 12.5 s, 20.0 CPU-s',
    );
    const line = (start: string) => text.split('\n').find((each) => each.startsWith(start)) ?? '';
    expect(line('silo').split(/ {2,}/)).toEqual(
      'silo|samples|own alone|own together|global alone|global together|rounds|sent|training|waiting|exchanging|left out|refused'.split(
        '|',
      ),
    );
    expect(line('north').split(/ {2,}/)).toEqual(
      'north|120|85.0%|90.0%|50.0%|87.5%|10|2.0 MB|50%|25%|13%|0|0'.split('|'),
    );
    expect(line('mean').split(/ {2,}/)).toEqual(['mean', '85.0%', '90.0%', '50.0%', '87.5%']);
    expect(text).toContain('pooled, for reference: 90.0% on the global test set');
    expect(text).not.toContain('\u001b');
  });

  it('shows what is known of a run without a summary, and counts a round repeated after a restart once', async () => {
    const run = await loadRun(await writeRun('a', { summary: false }));
    expect(run.rounds).toHaveLength(4);
    const text = describeRun(run);
    expect(text).toContain('2 rounds so far');
    expect(text).toMatch(/north +120 +50\.0% +2 +2\.0 kB/);
    expect(text).toMatch(/south +120 +75\.0%/);
  });

  it('has no rows of means where no silo was judged', async () => {
    const run = await loadRun(await writeRun('a'));
    const { accuracy, peers, ...rest } = exampleSummary({ endReason: 'interrupted' });
    const unjudged = peers.map(({ ownTest: _own, globalTest: _global, alone: _alone, ...peer }) => peer);
    const summary = parseSummary(
      formatSummary({ ...rest, accuracy: { set: accuracy.set }, peers: unjudged }),
      'summary.json',
    );
    const text = describeRun({ ...run, summary });
    expect(text).toContain('\nnorth ');
    expect(text).not.toMatch(/^(mean|worst)/m);
    expect(compareRuns([{ ...run, summary }])).not.toContain('together');
  });

  it('of one silo has neither means nor a distance between models', async () => {
    const directory = await writeRun('a');
    await rm(join(directory, 'peers', 'south'), { recursive: true });
    const summary = exampleSummary();
    const alone = { ...summary, mode: 'peer' as const, peers: summary.peers.slice(0, 1) };
    await writeFile(join(directory, 'summary.json'), formatSummary(alone));
    const text = describeRun(await loadRun(directory));
    expect(text).toMatch(/^north +120/m);
    expect(text).not.toMatch(/^(mean|worst)/m);
    expect(text).not.toContain('consensus distance');
  });

  it('names bad lines and a cut-off end, and reads all else', async () => {
    const run = await loadRun(await writeRun('a', { tail: '{"type":"x"}\n{"type":"rou' }));
    expect(run.warnings).toHaveLength(4);
    expect(run.warnings[0]).toMatch(/north.events\.jsonl line 6: type: got "x"/);
    expect(run.warnings[1]).toMatch(/north.events\.jsonl: its last line is cut off/);
    expect(run.rounds).toHaveLength(4);
  });

  it('reads rotated logs too, the newest record of a round last', async () => {
    const directory = await writeRun('a', { summary: false });
    const older = [formatRecord(round(0, 1, 0)), formatRecord(round(0, 0, 0.125))].join('');
    await writeFile(join(directory, 'peers', 'north', 'events.jsonl.2'), older);
    await writeFile(join(directory, 'peers', 'north', 'events.jsonl.10'), formatRecord(round(0, 0, 0)));
    const { rounds, warnings } = await loadRun(directory);
    const north = rounds.filter(({ peer }) => peer === 0).map((record) => [record.round, record.globalTest]);
    expect({ north, warnings }).toEqual({
      north: [
        [0, 0.125],
        [1, 0.25],
        [2, 0.5],
      ],
      warnings: [],
    });
  });

  it('refuses a folder without a run and a path that is no folder', async () => {
    await expect(loadRun(folder)).rejects.toMatchObject({ code: 'run-empty' });
    await expect(loadRun(join(folder, 'none'))).rejects.toMatchObject({ code: 'run-missing' });
    await writeFile(join(folder, 'file'), '');
    await expect(loadRun(join(folder, 'file'))).rejects.toMatchObject({ code: 'run-missing' });
  });
});

describe('report of several runs', () => {
  it('has one row per run, also for one without a summary', async () => {
    const runs = [await loadRun(await writeRun('a')), await loadRun(await writeRun('b', { summary: false }))];
    const lines = compareRuns(runs).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(
      /a +two-silos +tensorflow +2 +10 +50\.0% +87\.5% +86\.0% +90\.0% +0\.0125 +4\.1 MB/,
    );
    expect(lines[3]).toMatch(/2 so far +– +62\.5% +50\.0%/);
  });
});

describe('report.html', () => {
  it('holds tables and plot in one file that loads nothing, with names escaped', async () => {
    const run = await loadRun(await writeRun('a'));
    const summary = exampleSummary({ name: '<b>&"' });
    const html = renderHtml([{ ...run, summary }]);
    expect(html).toContain('&lt;b&gt;&amp;&quot;');
    expect(html).not.toMatch(/<b>|https?:|<script|<link|@import|url\(/);
    expect(html.match(/<polyline class="silo"/g)).toHaveLength(2);
    expect(html).toContain('<polyline class="mean"');
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('pooled 90.0%');
  });

  it('compares several runs before it shows each', async () => {
    const run = await loadRun(await writeRun('a'));
    const html = renderHtml([run, run]);
    expect(html.match(/<table>/g)).toHaveLength(3);
  });
});

describe('figures and tables', () => {
  it('writes shares, bytes and seconds for people', () => {
    expect([percent(0.8756), percent(undefined), percent(1, 0)]).toEqual(['87.6%', '–', '100%']);
    expect([999, 1000, 999_999, 123_456_789].map(bytes)).toEqual(['999 B', '1.0 kB', '1.0 MB', '123 MB']);
    expect([1.25, 185, 9000].map(seconds)).toEqual(['1.3 s', '3 min 5 s', '2.5 h']);
  });

  it('aligns by code point, numbers to the right, and is bold only where colour is wanted', () => {
    const table = {
      columns: [{ title: 'é' }, { title: 'n', align: 'right' as const }],
      rows: [
        ['ab', '100'],
        ['c', '5'],
      ],
    };
    expect(formatTable(table)).toBe('é     n\n───────\nab  100\nc     5');
    expect(formatTable(table, { colour: true })).toContain('\u001b[1mé     n\u001b[22m');
  });
});
