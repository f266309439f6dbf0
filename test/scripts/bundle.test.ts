import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BUNDLE = fileURLToPath(new URL('../../dist/bundle/', import.meta.url));
const PROGRAMS = ['command-line', 'swarm-child', 'worker'];

/** As cached-program.cjs does it: whether V8 takes what is kept of a program, for a process without flags. */
const TAKEN = `
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const path = process.argv[1];
const source = readFileSync(path, 'latin1');
const cachedData = readFileSync(path + '.cache').subarray(32);
const wrapped = '(function (exports, require, module, __filename, __dirname) {' + source + '\\n})';
console.log(new Script(wrapped, { filename: path, cachedData }).cachedDataRejected);
`;

test.skipIf(!existsSync(BUNDLE))(
  'the build leaves what V8 compiles of each program: its short runs came to their ends (skipped where dist/ is not built)',
  () => {
    const missing = PROGRAMS.filter((name) => !existsSync(`${BUNDLE}${name}.program.cjs.cache`));
    expect(missing).toEqual([]);
  },
);

test.skipIf(!existsSync(BUNDLE))(
  'what is kept of the command line is of use to a process that is started without flags (skipped where dist/ is not built)',
  () => {
    const argv = ['-e', TAKEN, `${BUNDLE}command-line.program.cjs`];
    expect(execFileSync(process.execPath, argv, { encoding: 'utf8' })).toBe('false\n');
  },
);
