import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = join(ROOT, 'node_modules', '.grapevine', 'dense-steps.node');
const SET_UP = `
const { denseStepsAreReady, setUpDenseSteps } = await import('./scripts/set-up/dense-steps.mjs');
const works = await setUpDenseSteps({ retry: process.argv[1] === 'retry' });
console.log(works, denseStepsAreReady());
`;

let folder = '';
const at = (name: string): string => join(folder, name);
const builtAt = (): string => at('node_modules/.grapevine/dense-steps.node');

/** A checkout with a cache of its own, in which only what a test puts there can compile. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-dense-steps-'));
  for (const part of ['scripts/set-up', 'native']) cpSync(join(ROOT, part), at(part), { recursive: true });
  mkdirSync(at('node_modules/.grapevine'), { recursive: true });
  mkdirSync(at('bin'));
  symlinkSync(join(ROOT, 'node_modules', 'node-api-headers'), at('node_modules/node-api-headers'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A program called g++: `body` is run by Node with `output`, the file that is asked for; each call is noted. */
function compilerThat(body: string): void {
  const source = `#!${process.execPath}
const fs = require('node:fs');
fs.appendFileSync(${JSON.stringify(at('calls'))}, 'x');
const output = process.argv[process.argv.indexOf('-o') + 1];
${body}
`;
  writeFileSync(at('bin/g++'), source, { mode: 0o755 });
}

const calls = (): number => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').length : 0);

function setUp(argument = ''): { said: string; works: boolean; isReady: boolean } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', SET_UP, argument],
    { cwd: folder, env: { PATH: at('bin'), GRAPEVINE_CACHE: at('cache') }, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  const [works, isReady] = stdout.trim().split(' ');
  return { said: stderr, works: works === 'true', isReady: isReady === 'true' };
}

test('without a compiler it says what is slower and how to mend it, and takes one that appears', () => {
  const { said, works, isReady } = setUp();
  expect([works, isReady]).toEqual([false, false]);
  expect(said).toMatch(
    /^Batched simulations .* slower, because there is no C\+\+ compiler; to mend it: install a C\+\+ compiler/,
  );
  compilerThat('console.error("dense-steps.cc:1:1: error: planted"); process.exit(1);');
  expect(setUp().said).toContain('because it could not be built (dense-steps.cc:1:1: error: planted)');
  expect(calls()).toBe(1);
});

test('what failed is not tried at every start, but after a change of the sources and when asked for', () => {
  compilerThat('process.exit(1);');
  for (const _ of [1, 2]) expect(setUp().said).toContain('could not be built');
  expect(calls()).toBe(1);
  appendFileSync(at('native/dense-steps.h'), '// changed\n');
  setUp();
  expect(calls()).toBe(2);
  setUp('retry');
  expect(calls()).toBe(3);
});

test('what was compiled but does not load is not left to be found', () => {
  compilerThat('fs.writeFileSync(output, "no library");');
  expect(setUp()).toMatchObject({ works: false, isReady: false });
  expect(existsSync(builtAt())).toBe(false);
});

test.skipIf(!existsSync(BUILT))(
  'compiled once, it is there for the next set-up, for another checkout from the cache, and again after a change',
  () => {
    compilerThat(`fs.copyFileSync(${JSON.stringify(BUILT)}, output);`);
    expect(setUp()).toMatchObject({ works: true, isReady: true });
    expect(setUp().said).toBe('');
    rmSync(dirname(builtAt()), { recursive: true });
    expect(setUp()).toMatchObject({ works: true, isReady: true });
    expect(calls()).toBe(1);
    appendFileSync(at('native/dense-steps.cc'), '// changed\n');
    expect(setUp()).toMatchObject({ works: true, isReady: true });
    expect(calls()).toBe(2);
  },
);

test.skipIf(!existsSync(BUILT))('a cached one that does not load here is compiled anew', () => {
  compilerThat(`fs.copyFileSync(${JSON.stringify(BUILT)}, output);`);
  setUp();
  const [kept] = readdirSync(at('cache')) as [string];
  writeFileSync(join(at('cache'), kept, 'dense-steps.node'), 'of another system');
  rmSync(dirname(builtAt()), { recursive: true });
  expect(setUp()).toMatchObject({ works: true, isReady: true });
  expect(calls()).toBe(2);
});
