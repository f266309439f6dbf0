import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const LOADER = fileURLToPath(new URL('../../scripts/set-up/cached-program.cjs', import.meta.url));
const PROGRAM = `
const named = (name) => 'hello ' + name;
console.log(named('world'), require('node:path').basename(__filename), typeof module);
`;
const SAID = 'hello world greet.program.cjs object\n';

let folder = '';
const at = (name: string): string => join(folder, name);
const cache = (): string => at('greet.program.cjs.cache');

function run(env: Record<string, string> = {}, flags: string[] = []): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, at('greet.js')], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-cached-'));
  copyFileSync(LOADER, at('greet.js'));
  writeFileSync(at('package.json'), '{ "type": "commonjs" }');
  writeFileSync(at('greet.program.cjs'), PROGRAM);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a program without a cache runs and writes none, unless told to; with the cache it says the same', () => {
  expect(run()).toBe(SAID);
  expect(existsSync(cache())).toBe(false);
  expect(run({ GRAPEVINE_CODE_CACHE: 'write' })).toBe(SAID);
  expect(existsSync(cache())).toBe(true);
  expect(run()).toBe(SAID);
});

test('a damaged, torn, empty or stale cache, and one of other V8 flags, are passed over', () => {
  run({ GRAPEVINE_CODE_CACHE: 'write' });
  const whole = readFileSync(cache());
  const damaged = Buffer.from(whole);
  damaged[damaged.length >> 1]! ^= 0xff;
  for (const bytes of [damaged, whole.subarray(0, whole.length - 100), Buffer.alloc(0), Buffer.alloc(40)]) {
    writeFileSync(cache(), bytes);
    expect(run()).toBe(SAID);
  }
  writeFileSync(cache(), whole);
  expect(run({}, ['--max-semi-space-size=2', '--single-threaded-gc'])).toBe(SAID);
  // As long as the old one, which is all that V8 would look at.
  writeFileSync(at('greet.program.cjs'), PROGRAM.replace('hello', 'howdy'));
  expect(run()).toBe(SAID.replace('hello', 'howdy'));
});
