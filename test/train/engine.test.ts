import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/train/engine.ts';
import { CONVOLUTIONS, DENSE, whyWithout } from './engines.ts';

const withoutNative = await whyWithout('tensorflow');

describe('the choice of engine', () => {
  it('takes the native library where it is there, else WebAssembly with the way to mend it', async () => {
    const { backend, note } = await loadEngine('auto', DENSE);
    expect(backend).toBe(withoutNative === undefined ? 'tensorflow' : 'wasm');
    if (withoutNative !== undefined) expect(note).toContain('npm run setup');
    expect(note).not.toContain('\n');
  });

  it('never takes WebAssembly for convolutions, whose gradients it lacks', async () => {
    const { backend } = await loadEngine('auto', CONVOLUTIONS);
    expect(backend).toBe(withoutNative === undefined ? 'tensorflow' : 'cpu');
    await expect(loadEngine('wasm', CONVOLUTIONS)).rejects.toMatchObject({ code: 'backend-unsuitable' });
  });
});

const door = new URL('../../dist/train/index.js', import.meta.url);
const built = existsSync(door);
describe('the door of train/', () => {
  it.skipIf(!built)(`loads no tfjs by itself${built ? '' : ' (not built: npm run build)'}`, () => {
    const script = `
      import { createRequire } from 'node:module';
      await import(${JSON.stringify(door.href)});
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('tensorflow'));
      process.stdout.write(JSON.stringify(loaded));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual([]);
  });
});
