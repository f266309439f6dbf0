import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCE = resolve(import.meta.dirname, '../../src');

/** Everything a file loads the moment it is loaded: its static imports of values, followed through src. */
function loadedBy(file: string, found = new Set<string>()): Set<string> {
  const text = readFileSync(file, 'utf8');
  const statics = text.matchAll(/^(?:import|export)\s(?!type\b)(?:[^;'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm);
  for (const [, name = ''] of statics) {
    const target = name.startsWith('.') ? resolve(dirname(file), name) : name;
    if (found.has(target)) continue;
    found.add(target);
    if (name.startsWith('.')) loadedBy(target, found);
  }
  return found;
}

const packagesOf = (loaded: Set<string>) =>
  [...loaded].filter((name) => !name.startsWith('/') && !name.startsWith('node:')).sort();
const filesOf = (loaded: Set<string>) =>
  [...loaded].filter((name) => name.startsWith(SOURCE)).map((name) => relative(SOURCE, name));

describe('what the command line loads', () => {
  it('is commander alone until a command runs, so that --help is instant', () => {
    const loaded = loadedBy(resolve(SOURCE, 'cli/command-line.ts'));
    expect(packagesOf(loaded)).toEqual(['commander']);
    expect(filesOf(loaded).filter((file) => !/^(?:cli|base)\//.test(file))).toEqual([]);
  });

  it.each(['check-experiment.ts', 'check-silo.ts'])('is neither libp2p nor tfjs in %s', (file) => {
    const loaded = loadedBy(resolve(SOURCE, 'cli', file));
    expect(packagesOf(loaded)).toContain('zod');
    expect(packagesOf(loaded).filter((name) => /libp2p|tensorflow/.test(name))).toEqual([]);
  });
});

describe('what a simulation loads', () => {
  it.each(['cli/simulate.ts', 'cli/replay.ts', 'cli/simulation-folder.ts', 'compose-simulation.ts'])(
    'is no libp2p at the start of %s, nor tfjs before it trains',
    (file) => {
      const loaded = packagesOf(loadedBy(resolve(SOURCE, file)));
      expect(loaded.filter((name) => /libp2p|tensorflow/.test(name))).toEqual([]);
    },
  );

  it.each(['simulate/index.ts', 'train/many-trainers.ts', 'swarm/run-folder.ts', 'node/checkpoint-store.ts'])(
    'is no libp2p in %s, which it loads when it runs',
    (file) => {
      expect(packagesOf(loadedBy(resolve(SOURCE, file))).filter((name) => /libp2p/.test(name))).toEqual([]);
    },
  );
});
