/** Ten real processes against numpy (scripts/common-job-reference.py) on the same partition file: accuracy only, never time. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataset, partitionDataset } from '../../src/data/index.ts';
import { parseSummary } from '../../src/record/index.ts';
import { PATIENT } from './swarm-run.ts';

const root = resolve(import.meta.dirname, '../..');
const reference = JSON.parse(readFileSync(join(root, 'test/fixtures/common-job.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'grapevine-common-job-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const partitions = [
  ['iid', { kind: 'iid' }, 0.01],
  ['dirichlet', { kind: 'dirichlet', alpha: 0.3, minSamples: 1 }, 0.025],
  ['shards', { kind: 'shards', shardsPerSilo: 2 }, 0.02],
] as const;

/** The indices of each silo as a partition file, the text that numpy read. */
async function partitionText(spec: (typeof partitions)[number][1]): Promise<string> {
  const dataset = await openDataset(
    { kind: 'mnist', limit: { train: 8000, test: 2000 } },
    { baseFolder: root },
  );
  const { names, silos } = await partitionDataset(dataset, spec, {
    siloCount: 10,
    seed: 1,
    baseFolder: root,
  });
  return JSON.stringify(Object.fromEntries(names.map((name, silo) => [name, Array.from(silos[silo] ?? [])])));
}

describe('the common job', () => {
  it.each(partitions)(
    'on the %s partition is as accurate as numpy, within the tolerance given, in 200 model messages',
    async (name, spec, tolerance) => {
      const text = await partitionText(spec);
      expect(createHash('sha256').update(text).digest('hex')).toBe(reference[name].sha256);
      const path = join(folder, `${name}.json`);
      writeFileSync(path, text);
      const out = join(folder, name);
      // What is compared is what ten silos compute that all wait for each other.
      const settings = ['--set', `data.partition=${JSON.stringify({ kind: 'file', path })}`, ...PATIENT];
      const argv = ['dist/main.js', 'swarm', 'topologies/common-job.yaml', '--out', out, ...settings];
      const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const summary = parseSummary(readFileSync(join(out, 'summary.json'), 'utf8'), 'summary.json');
      expect(Math.abs((summary.accuracy.together?.mean ?? 0) - reference[name].accuracy)).toBeLessThan(
        tolerance,
      );
      expect(summary.messagesSent).toBe(200);
      expect(summary.peers.map(({ exclusions }) => exclusions)).toEqual(new Array(10).fill(0));
    },
  );
});
