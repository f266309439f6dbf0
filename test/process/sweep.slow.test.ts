/** Sweeps as processes: watched cells, and a sweep that is killed and taken up again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, it } from 'vitest';
import { isBuilt } from './swarm-run.ts';

const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'grapevine-sweep-'));
const started: Sweeping[] = [];
afterEach(async () => {
  for (const { process } of started) process.kill('SIGKILL');
  await Promise.all(started.splice(0).map(({ exited }) => exited));
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

writeFileSync(
  join(folder, 'tiny.yaml'),
  `
name: tiny
data: {dataset: {kind: digits, limit: {train: 60}}, silos: 3}
model: softmax
train: {learningRate: 0.1, batchSize: 16, localSteps: 8, backend: cpu, weightDecay: 1}
topology: {kind: ring}
stop: {rounds: 10}
`,
);
/** The last cell loses its way: its learning rate is far too large. */
const SWEEP = join(folder, 'rates.yaml');
writeFileSync(
  SWEEP,
  'name: rates\nexperiment: tiny.yaml\nvary: {train.learningRate: [0.1, 1000]}\nplot: {y: worst}\n',
);

interface Sweeping {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string | null>;
  /** What it has told people. */
  readonly said: () => string;
  /** Resolves when people have been told so, or at the end. */
  readonly says: (pattern: RegExp) => Promise<void>;
}

function sweep(...options: string[]): Sweeping {
  const child = spawn(process.execPath, [BUILT, 'sweep', SWEEP, '--jobs', '1', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const exited = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal)),
  );
  const hear = (text: string) => {
    said += text;
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => pattern.test(said) && resolve();
      child.stderr.on('data', look);
      void exited.then(() => resolve());
      look();
    });
  const one = { process: child, exited, said: () => said, says };
  started.push(one);
  return one;
}

const table = (out: string) => readFileSync(join(out, 'table.csv'), 'utf8');

it.skipIf(!isBuilt)(
  'a sweep watches its cells where asked to; killed in the middle, the same command comes to the same tables',
  { timeout: 240_000 },
  async () => {
    const whole = join(folder, 'whole');
    const first = sweep('--out', whole, '--check-invariants');
    expect(await first.exited, first.said()).toBe(4);
    expect(table(whole).match(/,done,/g)).toHaveLength(1);
    // What failed names the command that fails again, invariants included.
    expect(table(whole)).toMatch(
      /,1000,1,failed,.*it does the same again with: grapevine simulate .*learningRate=1000.* --check-invariants --out/,
    );

    const cut = join(folder, 'cut');
    const killed = sweep('--out', cut, '--check-invariants');
    await killed.says(/[12]\/2 cells/);
    killed.process.kill('SIGKILL'); // the second cell is under way, and must not be left behind in its folder
    await killed.exited;
    const again = sweep('--out', cut, '--check-invariants');
    expect(await again.exited, again.said()).toBe(4);
    expect(again.said()).not.toMatch(/0\/2 cells/);
    expect(again.said()).not.toMatch(/run-folder-taken|is not empty/);
    expect(table(cut)).toBe(table(whole).replaceAll(whole, cut));
    for (const name of ['plot.svg', 'table.json'])
      expect(readFileSync(join(cut, name), 'utf8')).toBe(
        readFileSync(join(whole, name), 'utf8').replaceAll(whole, cut),
      );
  },
);
