/** `grapevine sweep` before the first cell runs: what is asked first, and that nothing is left of what was refused. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lockFolder } from '../../src/storage/lock.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-sweep-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EXPERIMENT = `
name: tiny
data: {dataset: {kind: digits, limit: {train: 60}}, silos: 3}
model: softmax
train: {learningRate: 0.1, batchSize: 16, backend: cpu}
topology: {kind: ring}
stop: {rounds: 2}
`;
writeFileSync(join(folder, 'tiny.yaml'), EXPERIMENT);

const out = join(folder, 'out');
function sweep(vary: string, { seeds = 3, kind = 'simulate', options = [] as string[] } = {}) {
  const file = join(folder, 'sweep.yaml');
  writeFileSync(file, `name: big\nexperiment: tiny.yaml\nrun: ${kind}\nvary:\n${vary}seeds: ${seeds}\n`);
  return run('sweep', file, '--out', out, ...options);
}

it('a sweep of a million cells asks whether that was meant, and leaves nothing behind', async () => {
  const values = (count: number) => Array.from({ length: count }, (_, index) => (index + 1) / 1e4).join(', ');
  const answer = await sweep(
    `  train.learningRate: [${values(1000)}]\n  train.weightDecay: [${values(100)}]\n`,
    { seeds: 10 },
  );
  expect(answer.exitCode).toBe(2);
  expect(answer.stderr).toMatch(
    /big has 1,000,000 cells \(1000 of train\.learningRate × 100 of train\.weightDecay × 10 seeds\): did you mean that\? Add --yes/,
  );
  expect(existsSync(out)).toBe(false);
});

it('every point that is no sound experiment is told before the first cell runs', async () => {
  const answer = await sweep('  exchange.rule: [dpsgd, dpsdg]\n  topology.kind: [ring, rnig]\n');
  expect(answer.exitCode).toBe(2);
  expect(answer.stderr).toMatch(/vary\.exchange\.rule, point dpsdg/);
  expect(answer.stderr).toMatch(/vary\.topology\.kind, point rnig/);
  expect(existsSync(out)).toBe(false);
});

it('a folder in which another sweep runs is not touched', async () => {
  const lock = await lockFolder(out);
  const answer = await sweep('  train.batchSize: [8, 16]\n');
  expect(answer.exitCode).toBe(3);
  expect(answer.stderr).toMatch(/out is in use by process \d+: one folder, one process/);
  expect(existsSync(join(out, 'sweep.json'))).toBe(false);
  await lock.release();
  rmSync(out, { recursive: true });
});

it('invariants are those of simulations: a sweep of swarms that is to be watched is refused', async () => {
  const answer = await sweep('  train.batchSize: [8, 16]\n', {
    kind: 'swarm',
    options: ['--check-invariants'],
  });
  expect(answer.exitCode).toBe(2);
  expect(answer.stderr).toMatch(/--check-invariants watches simulations, and this sweep says run: swarm/);
  expect(existsSync(out)).toBe(false);
});

it('what does not go together is told and no reason to refuse the rest, whichever comes first', async () => {
  const lock = await lockFolder(out); // far enough: no cell is to run
  for (const [rules, carriers] of [
    ['pairwise, dpsgd', 'gossip, stream'],
    ['dpsgd, pairwise', 'stream, gossip'],
  ]) {
    const answer = await sweep(`  exchange.rule: [${rules}]\n  exchange.carrier: [${carriers}]\n`);
    expect(answer.stderr).toMatch(/warning: 1 of 4 combinations cannot run; .*\n {2}pairwise, gossip: /);
    expect(answer.stderr).toMatch(/is in use by process/);
  }
  await lock.release();
  rmSync(out, { recursive: true });
});

it('of a grid too large to look at each combination, every point is looked at', async () => {
  const list = (count: number, unit: number) =>
    Array.from({ length: count }, (_, index) => (index + 1) * unit);
  const answer = await sweep(
    `  train.batchSize: [${list(17, 1)}, 0]\n  train.learningRate: [${list(16, 0.01)}, -1]\n`,
    { seeds: 1 },
  );
  expect(answer.exitCode).toBe(2);
  expect(answer.stderr).toMatch(/2 problems/);
  expect(answer.stderr).toMatch(/vary\.train\.batchSize, point 0/);
  expect(answer.stderr).toMatch(/vary\.train\.learningRate, point -1/);
});
