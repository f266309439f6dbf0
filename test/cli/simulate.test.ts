/** `grapevine simulate` and `grapevine replay` in the test's own process: what is written, again and again the same. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSummary, type RunSummary } from '../../src/record/index.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-simulate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EXPERIMENT = `
name: small
seed: 3
data: {dataset: {kind: digits, limit: {train: 200}}, silos: 4, testShare: 0.2}
model: softmax
train: {optimizer: momentum, learningRate: 0.1, batchSize: 16, localSteps: 2, backend: cpu}
topology: {kind: ring}
record: all
checkpoint: {everyRounds: 3, keep: 2}
simulate: {compute: {kind: exponential, mean: 10ms}}
links: {delay: 5ms, jitter: 2ms, upMbps: 10}
stop: {rounds: 9}
`;
const file = join(folder, 'small.yaml');
writeFileSync(file, EXPERIMENT);

const at = (name: string) => join(folder, name);
const simulate = (out: string, ...settings: string[]) =>
  run('simulate', file, '--out', at(out), '--json', ...settings.flatMap((setting) => ['--set', setting]));
const summaryOf = (name: string): RunSummary =>
  parseSummary(readFileSync(join(at(name), 'summary.json'), 'utf8'), name);
const digestsOf = (name: string) => summaryOf(name).peers.map(({ paramsSha256 }) => paramsSha256);

/** Every file below a folder with its bytes. */
function contentOf(name: string): Record<string, string> {
  const paths = readdirSync(at(name), { recursive: true }).map(String).sort();
  const files = paths.filter((path) => statSync(join(at(name), path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(at(name), path), 'latin1')]));
}

/** A copy of a run without anything that a replay must not need. */
function bare(name: string, copy: string): string {
  cpSync(at(name), at(copy), { recursive: true });
  for (const silo of readdirSync(join(at(copy), 'peers')))
    for (const left of readdirSync(join(at(copy), 'peers', silo)))
      if (left !== 'events.jsonl') rmSync(join(at(copy), 'peers', silo, left), { recursive: true });
  for (const left of ['summary.json', 'report.html']) rmSync(join(at(copy), left));
  return at(copy);
}

beforeAll(async () => {
  expect(await simulate('first')).toMatchObject({ exitCode: 0 });
});

describe('a simulation', () => {
  it('writes the same bytes for the same seed, others for another, and nothing of this machine', async () => {
    expect(await simulate('second')).toMatchObject({ exitCode: 0 });
    const content = contentOf('first');
    expect(contentOf('second')).toEqual(content);
    expect(Object.keys(content)).toContain('peers/silo-0/params.safetensors');
    expect(Object.keys(content).filter((path) => /report|summary|experiment/.test(path)).length).toBe(3);
    const { mode, cpuSeconds, wallSeconds, peers } = summaryOf('first');
    expect({ mode, cpuSeconds, pid: peers[0]?.pid }).toEqual({ mode: 'simulate' });
    expect(wallSeconds).toBeGreaterThan(0.09); // nine rounds of two updates at 10 ms in the mean
    expect(content['peers/silo-0/events.jsonl']).not.toMatch(/startedAt|platform|"pid"/);
    expect(await simulate('other', 'seed=4')).toMatchObject({ exitCode: 0 });
    expect(digestsOf('other')).not.toEqual(digestsOf('first'));
  });

  it('tells its cost apart from its record, and says in the report that time was virtual', async () => {
    const { stdout, stderr } = await simulate('cost', 'record=rounds');
    expect(Object.keys(JSON.parse(stdout).host)).toEqual([
      'wallSeconds',
      'cpuSeconds',
      'rssBytesMax',
      'events',
      'eventsPerSecond',
    ]);
    expect(stderr).toMatch(/simulated, cpu, seed 3\) in \d+\.\d s of virtual time; ended/);
  });

  it('that was cut off goes on from the last round that all silos have saved, to the same bits', async () => {
    cpSync(at('first'), at('cut'), { recursive: true });
    rmSync(join(at('cut'), 'summary.json'));
    for (const silo of readdirSync(join(at('cut'), 'peers')))
      rmSync(join(at('cut'), 'peers', silo, 'checkpoints', '9.ckpt'));
    const resumed = await run('simulate', '--resume', at('cut'), '--json');
    expect(resumed.stderr).toMatch(/going on with .* from round 6/);
    expect(resumed.exitCode).toBe(0);
    expect(digestsOf('cut')).toEqual(digestsOf('first'));
    expect(await run('replay', bare('cut', 'cut-bare'), '--json')).toMatchObject({ exitCode: 0 });
  });

  it('gone on with keeps every invariant, whatever its rule', async () => {
    for (const rule of ['gossip-learning', 'push-sum', 'choco', 'pairwise', 'receive-merge']) {
      expect(await simulate(rule, `exchange.rule=${rule}`, 'topology.kind=ring')).toMatchObject({
        exitCode: 0,
      });
      for (const silo of readdirSync(join(at(rule), 'peers')))
        rmSync(join(at(rule), 'peers', silo, 'checkpoints', '9.ckpt'));
      const resumed = await run('simulate', '--resume', at(rule), '--json');
      expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
    }
  });

  it('is not gone on with by the command for swarms, which names the one that can, with exit code 2', async () => {
    const before = contentOf('first');
    const answer = await run('swarm', '--resume', at('first'));
    expect(answer.stderr).toMatch(
      /is a run of grapevine simulate: go on with it by grapevine simulate --resume .*first, or begin anew/,
    );
    expect(answer.exitCode).toBe(2);
    expect(contentOf('first')).toEqual(before);
  });

  it('of more than a hundred silos has one log for all, in the order of virtual time', async () => {
    const settings = [
      'data.silos=101',
      'data.partition={kind: resample, samplesPerSilo: 4}',
      'data.testShare=0',
      'stop.rounds=2',
      'exchange.rule=gossip-learning',
    ];
    for (const name of ['many', 'many-again'])
      expect(await simulate(name, ...settings)).toMatchObject({ exitCode: 0 });
    expect(contentOf('many-again')).toEqual(contentOf('many'));
    expect(readdirSync(at('many'))).toContain('events.jsonl');
    expect(await run('replay', at('many'), '--json')).toMatchObject({ exitCode: 0 });
  });

  it('under faults, with a crash and a restart, replays', async () => {
    const faults = 'faults={loss: 0.1, list: [{kind: crash, peer: 1, at: 60ms, restartAt: 200ms}]}';
    const ran = await simulate(
      'faulty',
      faults,
      'exchange.rule=pairwise',
      'stop.rounds=20',
      'evaluate.everyRounds=10',
    );
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(at('faulty'), 'peers/silo-1/events.jsonl'), 'utf8')).toMatch(/"incarnation":2/);
    const replayed = await run('replay', bare('faulty', 'faulty-bare'), '--json');
    expect(replayed.exitCode, replayed.stderr).toBe(0);
  });

  it.each(['dpsgd', 'gossip-learning'])('in batches, by %s, replays to the same bits', async (rule) => {
    const ran = await simulate(
      `batched-${rule}`,
      'simulate.training=batched',
      'train={optimizer: sgd, learningRate: 0.1, batchSize: 16, localSteps: 2, backend: cpu}',
      'data.partition={kind: quantity, sizes: [80, 60, 40, 20]}',
      `exchange={rule: ${rule}}`,
      'faults={list: [{kind: crash, peer: 1, at: 60ms, restartAt: 90ms}]}',
    );
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    const replayed = await run('replay', bare(`batched-${rule}`, `batched-${rule}-bare`), '--json');
    expect(replayed.exitCode, replayed.stderr).toBe(0);
    expect(
      JSON.parse(replayed.stdout).peers.map(({ replayed: digest }: { replayed: string }) => digest),
    ).toEqual(digestsOf(`batched-${rule}`));
  });

  it('that takes its times from a recorded run is as fast as that was, round by round', async () => {
    const times = `simulate={compute: {kind: run, from: ${JSON.stringify(at('first'))}}}`;
    expect(await simulate('as-first', times)).toMatchObject({ exitCode: 0 });
    const roundsOf = (name: string) =>
      readFileSync(join(at(name), 'peers/silo-2/events.jsonl'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"type":"round"'));
    expect(roundsOf('as-first')).toEqual(roundsOf('first'));
    expect(digestsOf('as-first')).toEqual(digestsOf('first'));
    expect(await simulate('longer', times, 'stop.rounds=12')).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['is not there', 'nowhere', [], /nowhere is not a directory/],
    ['has other silos', 'first', ['data.silos=3'], /has a silo 3, and this experiment has 3/],
    ['has too few silos', 'first', ['data.silos=5'], /tells no times of silo 4.*run of 5 silos/],
    ['recorded no rounds', 'terse', [], /terse tells no times of silo 0.*record: rounds/],
  ] as const)(
    'says so when the run whose times it is to take %s',
    async (_title, name, settings, message) => {
      if (name === 'terse') await simulate('terse', 'record=summary', 'stop.rounds=1');
      const from = `simulate={compute: {kind: run, from: ${JSON.stringify(at(name))}}}`;
      const answer = await simulate('refused', from, ...settings);
      expect(answer.stderr).toMatch(message);
      expect(answer.exitCode).toBe(2);
      expect(existsSync(at('refused'))).toBe(false);
    },
  );

  it('that fails says which command does it again', async () => {
    const failed = await simulate('diverged', 'train.learningRate=1000', 'train.weightDecay=1');
    expect(failed.exitCode).toBe(3);
    expect(failed.stderr).toMatch(
      /seed 3 ended early; it does the same again with: grapevine simulate .*small\.yaml --set train\.learningRate=1000 .*--set seed=3 --check-invariants/,
    );
  });
});

describe('a replay', () => {
  it('comes to every model from experiment, data and logs alone', async () => {
    const { exitCode, stdout } = await run('replay', bare('first', 'bare'), '--json');
    expect(exitCode).toBe(0);
    const { equal, peers } = JSON.parse(stdout);
    expect(equal).toBe(true);
    expect(peers.map(({ replayed }: { replayed: string }) => replayed)).toEqual(digestsOf('first'));
    expect(readdirSync(at('bare')).sort()).toEqual(['experiment.yaml', 'incarnation', 'peers']);
  });

  /** Spoils silo-1's log; the answer. */
  async function spoiled(name: string, change: (lines: string[]) => string | undefined) {
    const copy = bare('first', name);
    const log = join(copy, 'peers/silo-1/events.jsonl');
    const text = change(readFileSync(log, 'utf8').split('\n'));
    if (text === undefined) rmSync(log);
    else writeFileSync(log, text);
    return run('replay', copy);
  }

  it('takes a torn last line as what a killed writer leaves', async () => {
    const answer = await spoiled('torn', (lines) => lines.join('\n').slice(0, -40));
    expect(answer.stdout).toMatch(/silo-1.events\.jsonl: its last line is cut off/);
    expect(answer.stdout).toMatch(/silo-1 +9 +died before its end/);
    expect(answer.exitCode).toBe(0);
  });

  it.each([
    ['a log is missing', () => undefined, /silo-1.events\.jsonl.*the log of silo-1 is not there/s],
    [
      'a line in the middle is torn',
      (lines: string[]) => lines.map((line, index) => (index === 5 ? line.slice(0, 20) : line)).join('\n'),
      /silo-1.events\.jsonl line 6.*not JSON/s,
    ],
    [
      'lines are missing',
      (lines: string[]) => lines.filter((_, index) => index !== 7).join('\n'),
      /silo-1.events\.jsonl line \d+.*lines are missing or were moved/s,
    ],
    [
      'it is of another format',
      (lines: string[]) => lines.join('\n').replace('grapevine-record/1', 'grapevine-record/9'),
      /silo-1.events\.jsonl line 1.*grapevine-record/s,
    ],
    [
      'another version wrote it',
      (lines: string[]) => lines.join('\n').replace(/"grapevine":"[^"]+"/, '"grapevine":"9.9.9"'),
      /silo-1 was recorded by grapevine 9\.9\.9, .*--any-version/,
    ],
    [
      'the silo had other data',
      (lines: string[]) => lines.join('\n').replace(/"labelCounts":\[\d+/, '"labelCounts":[999'),
      /silo-1 trained on .* its data now give/,
    ],
  ] as const)('says so when %s, with exit code 2', async (name, change, message) => {
    const answer = await spoiled(name.replaceAll(' ', '-'), change);
    expect(answer.stderr).toMatch(message);
    expect(answer.exitCode).toBe(2);
  });

  it('names the line that a changed log cannot come to, with exit code 3', async () => {
    const answer = await spoiled('changed', (lines) => {
      const received = lines.findIndex((line) => line.includes('"kind":"received"'));
      return lines
        .map((line, index) =>
          index === received ? line.replace(/"sequence":\d+}}/, '"sequence":99999}}') : line,
        )
        .join('\n');
    });
    expect(answer.stderr).toMatch(
      /silo-1.events\.jsonl line \d+: peer 1 cannot replay event .*99999.*complete logs of one run/s,
    );
    expect(answer.exitCode).toBe(3);
  });

  it('of a run that recorded too little says how to record enough', async () => {
    await simulate('little', 'record=rounds', 'stop.rounds=2');
    const answer = await run('replay', at('little'));
    expect(answer.stderr).toMatch(/record: rounds, .*--set record=all/);
    expect(answer.exitCode).toBe(2);
  });

  it('that comes to other models says which, with exit code 4', async () => {
    const answer = await spoiled('another-end', (lines) =>
      lines.join('\n').replace(/"paramsSha256":"../, '"paramsSha256":"zz'),
    );
    expect(answer.stdout).toMatch(/silo-1 +9 +zz.*NO/);
    expect(answer.exitCode).toBe(4);
  });
});
