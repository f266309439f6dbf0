/** `grapevine design` and `grapevine cycle-time`: documents, files, and what they say about wrong options. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { designers, parseOverlay } from '../../src/topology/index.ts';

/** A clock that ticks when it is asked, so that time limits end searches after as many questions. */
async function run(...argv: string[]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  let nowMs = 0;
  const exitCode = await runCli(argv, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: {},
    clock: { now: () => nowMs++, calendar: () => undefined, after: () => ({ cancel: () => undefined }) },
    interruption: () => new AbortController().signal,
  });
  return { exitCode, ...written };
}

const folder = mkdtempSync(join(tmpdir(), 'design-'));
afterAll(() => rmSync(folder, { recursive: true }));

const gaia = ['--underlay', 'gaia', '--workload', 'inaturalist', '--time-limit', '0.05', '--quiet'];

test('a designed ring, saved, is judged alike', async () => {
  const path = join(folder, 'ring.yaml');
  const designed = await run('design', ...gaia, '--overlay', 'ring', '--out', path, '--json');
  expect(designed.exitCode).toBe(0);
  const { underlay, workload, lengths, silos, designs } = JSON.parse(designed.stdout);
  expect([underlay, workload, lengths]).toEqual(['gaia', 'inaturalist', 'published']);
  expect(silos).toHaveLength(11);
  expect(designs).toHaveLength(1);
  expect(designs[0]).toMatchObject({ overlay: 'ring', arcs: 11, maxDegree: 1 });
  expect(designs[0].cycleTimeMs).toBeCloseTo(118.105, 3);
  expect(designs[0].lowerBoundMs).toBeLessThanOrEqual(116.4625);
  expect(designs[0].gap).toBeCloseTo(designs[0].cycleTimeMs / designs[0].lowerBoundMs - 1, 12);
  expect(parseOverlay(readFileSync(path, 'utf8'), path).arcs).toHaveLength(11);
  const judged = await run('cycle-time', ...gaia, '--overlay', path, '--json');
  const document = JSON.parse(judged.stdout);
  expect(document.cycleTimeMs).toBeCloseTo(designs[0].cycleTimeMs, 9);
  expect(document.criticalCycle).toHaveLength(11);
  expect(document.criticalCycle.map((silo: number) => document.silos[silo])).toContain('Virginia');
  expect(document.lowerBoundMs).toBeLessThanOrEqual(116.4625);
});

/** A file of shares: each silo has two classes of four. */
function labelShares(): string {
  const path = join(folder, 'shares.json');
  const shares = Array.from({ length: 11 }, (_, silo) =>
    [0, 1, 2, 3].map((label) => (label % 2 === silo % 2 ? 0.5 : 0)),
  );
  writeFileSync(path, JSON.stringify(shares));
  return path;
}

test.each(designers.map(({ name }) => name))('%s, saved, is judged as it was designed', async (kind) => {
  const path = join(folder, `saved-${kind}.yaml`);
  const shares = ['--label-shares', labelShares()];
  const designed = await run('design', ...gaia, ...shares, '--overlay', kind, '--out', path, '--json');
  expect(designed.exitCode, designed.stderr).toBe(0);
  const [wanted] = JSON.parse(designed.stdout).designs;
  const judged = await run('cycle-time', ...gaia, '--overlay', path, '--json');
  expect(judged.exitCode, judged.stderr).toBe(0);
  const found = JSON.parse(judged.stdout);
  expect(found).toMatchObject({ timing: wanted.timing, arcs: wanted.arcs, maxDegree: wanted.maxDegree });
  if (wanted.timing === 'random') {
    const margin = Math.hypot(wanted.confidenceMs, found.confidenceMs);
    expect(Math.abs(found.cycleTimeMs - wanted.cycleTimeMs)).toBeLessThanOrEqual(margin);
  } else expect(found.cycleTimeMs).toBeCloseTo(wanted.cycleTimeMs, 9);
});

test('a saved star is judged by the STAR rule, and as peers where asked', async () => {
  const path = join(folder, 'star.yaml');
  await run('design', ...gaia, '--overlay', 'star', '--out', path);
  const auto = JSON.parse((await run('cycle-time', ...gaia, '--overlay', path, '--json')).stdout);
  expect(auto.cycleTimeMs).toBeCloseTo(390.854, 3);
  const gossip = await run('cycle-time', ...gaia, '--overlay', path, '--rule', 'gossip', '--json');
  expect(JSON.parse(gossip.stdout).cycleTimeMs).toBeLessThan(390);
});

test('stale arcs and random rounds count as the file says, unless --rule gossip says that silos wait for all', async () => {
  const path = join(folder, 'stale.yaml');
  await run('design', ...gaia, '--overlay', 'multigraph-ring', '--out', path);
  const text = (await run('cycle-time', ...gaia, '--overlay', path)).stdout;
  expect(text).toMatch(/^cycle 76\.42 ms$/m);
  expect(text).not.toContain('spectral gap');
  const plain = await run('cycle-time', ...gaia, '--overlay', path, '--rule', 'gossip');
  expect(plain.stdout).toMatch(/^cycle 118\.1[01] ms/m);
  expect(plain.stdout).toContain('judged as peers');
  const all = await run('design', '--underlay', 'gaia', '--time-limit', '0.1', '--quiet', '--overlay', 'all');
  expect(all.stdout).toContain('no mixing of multigraph-ring: ');
  expect(all.stdout.split('\n').find((line) => line.startsWith('multigraph-ring'))).toMatch(/(–\s+){2}–$/);
});

test('nodes are matched with silos by name; without names by position, which is said; names that do not fit are told', async () => {
  const path = join(folder, 'named.yaml');
  await run('design', ...gaia, '--overlay', 'ring', '--out', path);
  const ring = parseOverlay(readFileSync(path, 'utf8'), path);
  const written = async (nodes: readonly string[] | number, arcs = ring.arcs) => {
    const file = join(folder, 'renamed.yaml');
    writeFileSync(file, JSON.stringify({ name: 'renamed', directed: true, nodes, arcs }));
    return run('cycle-time', ...gaia, '--overlay', file, '--json');
  };
  const cycleMs = ({ stdout }: { stdout: string }) => JSON.parse(stdout).cycleTimeMs;
  const turned = ring.nodes.map((_, node) => ring.nodes[(node + 4) % 11]!);
  const renumbered = ring.arcs.map(([from, to]) => [(from + 7) % 11, (to + 7) % 11] as const);
  expect(cycleMs(await written(turned, renumbered))).toBeCloseTo(118.105, 3);
  expect(cycleMs(await written(turned))).toBeGreaterThan(119);
  expect(JSON.parse((await written(turned)).stdout).nodesBy).toBe('name');
  const counted = await written(11);
  expect(cycleMs(counted)).toBeCloseTo(118.105, 3);
  expect(JSON.parse(counted.stdout).nodesBy).toBe('position');
  const strange = await written(['Virginya', ...ring.nodes.slice(1, 10), 'Atlantis']);
  expect(strange.exitCode).toBe(2);
  expect(strange.stderr).toMatch(/nodes\.0: Virginya is no silo of gaia — did you mean Virginia\?/);
  expect(strange.stderr).toMatch(/nodes\.10: Atlantis is no silo of gaia/);
  expect(strange.stderr).toMatch(
    /nodes: no node for 2 of the 11 silos of gaia: Virginia, Sao Paulo — .*nodes: 11/,
  );
  const twice = await written(['California', ...ring.nodes.slice(1)]);
  expect(twice.stderr).toMatch(/nodes: two nodes are called California/);
});

test('lengths that a file does not have are said to be replaced', async () => {
  const path = join(folder, 'bare.yaml');
  const nodes = '[{name: a, latitude: 50, longitude: 8}, {name: b, latitude: 48, longitude: 2}]';
  writeFileSync(path, `{name: bare, nodes: ${nodes}, links: [{from: a, to: b}]}`);
  const given = ['--underlay', path, '--overlay', 'mst', '--quiet'];
  expect(JSON.parse((await run('design', ...given, '--json')).stdout)).toMatchObject({
    lengths: 'published',
    lengthsReplaced: 1,
  });
  const { stdout } = await run('design', ...given, '--shared-core');
  expect(stdout).toContain('published lengths (1 of 1 not in the file: true ones or great circles)');
  expect(stdout).toContain('core 1 Gbit/s shared');
});

test('text names the network, its lengths and the critical cycle', async () => {
  const { stdout } = await run('design', ...gaia, '--overlay', 'mst', '--lengths', 'true');
  expect(stdout).toMatch(
    /gaia: 11 silos, 55 links, true lengths; workload inaturalist: 44961717 bits, 25\.4 ms a step/,
  );
  expect(stdout).toMatch(/cycle \d+\.\d\d ms, at least \d+\.\d\d ms for any overlay \(gap \d+\.\d\d %\)/);
  expect(stdout).toMatch(/critical cycle: .* → .*/);
});

test.each([
  [['design', ...gaia, '--overlay', 'rnig'], /overlay rnig is not known; did you mean ring\?/],
  [['design', '--overlay', 'ring'], /name a network/],
  [['design', ...gaia, '--overlay', 'ring', '--access', '0'], /--access 0: wanted a rate more than 0/],
  [['design', ...gaia, '--overlay', 'ring', '--access', 'fast'], /wanted a rate more than 0, such as 10G/],
  [['design', ...gaia, '--overlay', 'ring', '--time-limit', '0'], /wanted more than 0 seconds/],
  [['design', ...gaia, '--overlay', 'all', '--options', '{a: 1}'], /--options is for one kind/],
  [
    ['design', '--underlay', 'aws-na', '--overlay', 'random-regular', '--options', '{degree: 1}'],
    /degree 1 over 22 silos is never connected; use a degree of at least 2/,
  ],
  [
    ['design', ...gaia, '--overlay', 'random-regular', '--options', '{degree: 11}'],
    /the degree must be below the count/,
  ],
  [['design', '--underlay', 'gaia', '--workload', 'inat', '--overlay', 'ring'], /workload inat is not known/],
  [
    ['design', '--underlay', 'gaia', '--workload', 'custom', '--overlay', 'ring'],
    /--model-bits and --compute-ms/,
  ],
  [
    ['cycle-time', ...gaia, '--overlay', 'topologies/overlays/petersen.yaml'],
    /has 10 nodes, and the underlay 11 silos/,
  ],
])('%j', async (argv, wanted) => {
  const { exitCode, stderr } = await run(...argv);
  expect(stderr).toMatch(wanted);
  expect(exitCode).toBe(2);
});

test('all kinds in a time that is too short: what came out, what did not, and what was cut, each by name', async () => {
  const short = ['--underlay', 'gaia', '--time-limit', '0.1', '--quiet', '--overlay', 'all'];
  const { exitCode, stdout } = await run('design', ...short, '--json');
  expect(exitCode).toBe(0);
  const { designs, skipped } = JSON.parse(stdout);
  const names = [
    ...designs.map((one: { overlay: string }) => one.overlay),
    ...skipped.map((one: { name: string }) => one.name),
  ];
  expect(names.sort()).toEqual(designers.map(({ name }) => name).sort());
  expect(designs.length).toBeGreaterThan(0);
  expect(skipped.some(({ code }: { code: string }) => code === 'time-limit')).toBe(true);
  const text = (await run('design', ...short)).stdout;
  for (const { name } of skipped) expect(text).toContain(`skipped ${name}: `);
  const cut = designs.filter((one: { mixingUnfinished?: boolean }) => one.mixingUnfinished);
  for (const { overlay } of cut)
    expect(text).toMatch(new RegExp(`no time left for the mixing of .*${overlay}`));
});

test('--picture draws the overlay on a map, from design and from cycle-time alike', async () => {
  const [saved, drawn, judged] = ['map.yaml', 'map.svg', 'judged.svg'].map((name) => join(folder, name));
  const outs = ['--out', saved!, '--picture', drawn!];
  const designed = await run('design', ...gaia, '--overlay', 'mst', ...outs);
  expect(designed.stdout).toContain(`drawn: ${drawn}`);
  const svg = readFileSync(drawn!, 'utf8');
  expect(svg).toMatch(/mst on gaia: cycle time 138\.\d\d ms, at least/);
  expect(svg.match(/<circle class="silo"/g)).toHaveLength(11);
  expect(svg.match(/<path class="(arc|critical)"/g)).toHaveLength(10);
  expect(svg).toContain('class="critical"');
  await run('cycle-time', ...gaia, '--overlay', saved!, '--picture', judged!);
  const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('<path class='));
  expect(lines(readFileSync(judged!, 'utf8'))).toEqual(lines(svg));
});

test('a network without coordinates has no picture, and says so before anything is designed', async () => {
  const path = join(folder, 'measured.csv');
  writeFileSync(path, 'from,to,latencyMs\na,b,3\nb,c,4\na,c,5\n');
  const picture = join(folder, 'none.svg');
  const unplaced = ['--underlay', path, '--quiet', '--overlay', 'ring', '--picture', picture];
  const { exitCode, stderr } = await run('design', ...unplaced);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('a, b, c have none; add latitude and longitude');
  expect(existsSync(picture)).toBe(false);
});
