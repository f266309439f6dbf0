import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { programUrl } from '../../src/base/programs.ts';

let folder = '';
const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
/** Where a program begins, from the build's folder. */
const begins = (): string => {
  const dist = pathToFileURL(`${folder}/`);
  return programUrl('cli/greet.js', dist).href.slice(dist.href.length);
};
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-programs-'));
  mkdirSync(join(folder, 'bundle'));
  write('.tsbuildinfo', 'sources as they were');
  write('bundle/compiled-from', digestOf('sources as they were'));
  write('bundle/greet.js', '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a program begins in its bundle', () => {
  expect(begins()).toBe('bundle/greet.js');
});

test.each([
  ['was compiled anew since it was bundled', () => write('.tsbuildinfo', 'sources as they are')],
  ['was bundled by a build that did not end', () => rmSync(join(folder, 'bundle/compiled-from'))],
  ['has no bundle of its own', () => rmSync(join(folder, 'bundle/greet.js'))],
  ['was never bundled', () => rmSync(join(folder, 'bundle'), { recursive: true })],
  ['does not say what it was compiled from', () => rmSync(join(folder, '.tsbuildinfo'))],
])('one that %s begins in its module', (_, change) => {
  change();
  expect(begins()).toBe('cli/greet.js');
});
