import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(root + path));
const sources = tracked.filter((path) => /^src\/.*\.ts$/.test(path));

/** Code without comments: they may name what the code must not use. */
function codeOf(path: string): string {
  return readFileSync(root + path, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}

function linesWith(paths: readonly string[], pattern: RegExp, read = codeOf): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

/** Folders that drive the core on a real clock, and training's worker edges. */
const DRIVERS = /^src\/(base|node|simulate|swarm|transport)\/|^src\/train\/[^/]*worker[^/]*\.ts$/;

test('only base and the drivers read a clock, draw chance or set timers', () => {
  const core = sources.filter((path) => !DRIVERS.test(path));
  const impure =
    /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|process\.hrtime|set(Timeout|Interval|Immediate))\b/;
  expect(linesWith(core, impure)).toEqual([]);
});

test('the peer, the rules and the wire are synchronous: no promises', () => {
  const core = sources.filter((path) => /^src\/(peer|exchange|compress|wire|topology|params)\//.test(path));
  expect(linesWith(core, /\b(async|await|Promise)\b/)).toEqual([]);
});

test('only the command line and compose read the environment or print', () => {
  const inner = sources.filter((path) => !/^src\/(cli\/|compose\.ts|main\.ts)/.test(path));
  // TensorFlow takes its settings from the environment alone: these are written, never read.
  expect(linesWith(inner, /\bprocess\.env\b(?!\.TF_\w+ = )/)).toEqual([]);
  expect(linesWith(inner, /\bconsole\.\w+\(/)).toEqual([]);
});

test('no file or folder has a name that says nothing', () => {
  const empty = /(^|\/)(utils?|helpers?|common|types|manager|misc)(\/|\.)/i;
  expect(tracked.filter((path) => empty.test(path))).toEqual([]);
});

test('no tracked file names a package registry or a path of one machine', () => {
  const hosts = [
    'registry\\.npmjs\\.org',
    'registry\\.yarnpkg\\.com',
    'pypi\\.org',
    'files\\.pythonhosted\\.org',
    'crates\\.io',
  ];
  const places = ['/work/', '/root/', '/home/[a-z]', '/tmp/[a-z]', '\\.\\./shared'];
  const pattern = new RegExp([...hosts, ...places.map((place) => `(^|[\\s'"\`(=:])${place}`)].join('|'));
  const text = tracked.filter((path) =>
    /\.(ts|mjs|cjs|js|json|md|ya?ml|py|sh|html|csv|txt)$|^\.(ci|npmrc)/.test(path),
  );
  const here = 'test/style.test.ts';
  const found = linesWith(
    text.filter((path) => path !== here),
    pattern,
    (path) => readFileSync(root + path, 'utf8'),
  );
  expect(found.map((line) => line.slice(0, 160))).toEqual([]);
});

test('every source file starts with a comment that says what it is for', () => {
  const silent = sources.filter(
    (path) =>
      !readFileSync(root + path, 'utf8')
        .replace(/^#!.*\n/, '')
        .startsWith('/**'),
  );
  expect(silent).toEqual([]);
});

test('no source file passes 400 lines; those past 300 are listed', () => {
  const sizes = sources.map((path) => ({
    path,
    lines: readFileSync(root + path, 'utf8').split('\n').length - 1,
  }));
  const long = sizes.filter(({ lines }) => lines > 300).sort((one, other) => other.lines - one.lines);
  for (const { path, lines } of long) console.info(`${lines} lines: ${path}`);
  expect(long.filter(({ lines }) => lines > 400)).toEqual([]);
});
