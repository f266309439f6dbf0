/**
 * Proves that every import rule fires: a throw-away tree of the same folders in which each file commits one
 * breach, and one file each for what is allowed.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mayImport } from '../../.dependency-cruiser.mjs';
import { root } from '../set-up/paths.mjs';
import { cruise } from './cruise.mjs';

const folders = Object.keys(mayImport);

/** A file of that folder which others can import. */
const target = (folder) => (folder.endsWith('.ts') ? folder : `${folder}/target.ts`);

/** Breaches that the DAG of folders does not cover: [rule, importing file, what it imports]. */
const BREACHES = [
  ['known-folders-only', 'utils/breach.ts', '../base/target.ts'],
  ['no-cycles', 'base/cycle-a.ts', './cycle-b.ts'],
  ['resolvable', 'base/nowhere.ts', './not-there.ts'],
  ['tfjs-in-train-only', 'simulate/tfjs.ts', '@tensorflow/tfjs-core'],
  ['libp2p-in-transport-only', 'node/libp2p.ts', 'libp2p'],
  ['libp2p-in-transport-only', 'transport/libp2p-package.ts', '@libp2p/tcp'],
  ['libp2p-in-transport-only', 'swarm/gossipsub.ts', '@chainsafe/libp2p-gossipsub'],
  ['libp2p-transport-named-by-compose-only', 'simulate/names-libp2p.ts', '../transport/libp2p/target.ts'],
  ['simulating-never-loads-libp2p', 'simulate/names-libp2p.ts', '../transport/libp2p/target.ts'],
  ['simulating-never-loads-libp2p', 'simulate/reaches-libp2p.ts', '../transport/leads-to-libp2p.ts'],
  ['libp2p-transport-named-by-compose-only', 'transport/leads-to-libp2p.ts', './libp2p/target.ts'],
  ['src-stands-alone', 'base/imports-script.ts', '../../scripts/target.ts'],
  ['src-stands-alone', 'base/imports-test.ts', '../../test/target.ts'],
  ['no-development-package-in-src', 'base/imports-vitest.ts', 'vitest'],
];

/** @returns {Promise<string[]>} what is wrong with the rules: breaches not reported, allowed imports reported */
export async function checkSeeds() {
  const tree = mkdtempSync(join(tmpdir(), 'grapevine-imports-'));
  try {
    const expected = plant(tree);
    const reported = new Set((await cruise(tree)).violations.map(({ rule, from }) => `${rule} ${from}`));
    const silent = [...expected].filter((breach) => !reported.has(breach));
    const wrong = [...reported].filter((breach) => !expected.has(breach));
    return [
      ...silent.map((breach) => `not reported: ${breach}`),
      ...wrong.map((breach) => `wrongly reported: ${breach}`),
    ];
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** @returns {Set<string>} "rule file" of every breach planted */
function plant(tree) {
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(root, name), join(tree, name));
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'dir');
  const write = (path, text) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  };
  const expected = new Set();
  const targets = [...folders.map(target).map((path) => `src/${path}`), 'src/transport/libp2p/target.ts'];
  for (const path of [...targets, 'scripts/target.ts', 'test/target.ts'])
    write(path, 'export const target = 1;\n');
  write('src/base/cycle-b.ts', "import './cycle-a.ts';\n"); // a cycle is reported once
  for (const [rule, path, imported] of BREACHES) {
    write(`src/${path}`, `import * as seed from '${imported}';\nexport { seed };\n`);
    expected.add(`${rule} src/${path}`);
  }
  for (const from of folders) plantDag(from, write, expected);
  return expected;
}

function plantDag(from, write, expected) {
  const forbidden = folders.filter((to) => to !== from && !mayImport[from].includes(to));
  if (from.endsWith('.ts')) {
    const to = forbidden.find((folder) => !folder.endsWith('.ts'));
    write(`src/${from}`, `import type * as seed from './${target(to)}';\nexport type { seed };\n`);
    expected.add(`dag-${from} src/${from}`);
    return;
  }
  for (const to of folders.filter((other) => other !== from)) {
    const path = `src/${from}/imports-${to.replace('.ts', '')}.ts`;
    write(path, `import type * as seed from '../${target(to)}';\nexport type { seed };\n`);
    if (forbidden.includes(to)) expected.add(`dag-${from} ${path}`);
  }
}
