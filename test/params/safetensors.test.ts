import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Layout, layoutOf, type Precision, zeros } from '../../src/params/layout.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/params/safetensors.ts';

const layouts = fc
  .uniqueArray(
    fc.tuple(
      fc.string({ minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 6, selector: ([name]) => name },
  )
  .filter((tensors) => tensors.every(([name]) => name !== '__metadata__' && name !== '__proto__'))
  .map((tensors) => layoutOf(tensors.map(([name, shape]) => ({ name, shape }))));

function filled(layout: Layout, precision: Precision) {
  const params = zeros(precision, layout.size);
  for (let index = 0; index < params.length; index++) params[index] = Math.sin(index + 1);
  return params;
}

/** A file with this header text over `dataBytes` zeros. */
function fileOf(header: string, dataBytes: number, headerBytes = header.length): Uint8Array {
  const file = new Uint8Array(8 + header.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(new TextEncoder().encode(header), 8);
  return file;
}

describe('safetensors', () => {
  it('decode what was encoded, bit for bit, with metadata', () => {
    fc.assert(
      fc.property(layouts, fc.constantFrom<Precision>('f32', 'f64'), (layout, precision) => {
        const params = filled(layout, precision);
        const file = encodeSafetensors({ layout, params, metadata: { round: '7' } });
        expect(file.length % (precision === 'f32' ? 4 : 8)).toBe(0);
        expect(decodeSafetensors(file)).toEqual({
          layout,
          params,
          metadata: { format: 'grapevine', round: '7' },
        });
      }),
      { numRuns: 60 },
    );
  });

  it('never fail on arbitrary bytes otherwise than with code safetensors-invalid', () => {
    const layout = layoutOf([{ name: 'a', shape: [2, 2] }]);
    const sound = encodeSafetensors({ layout, params: filled(layout, 'f32'), metadata: {} });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          fc.tuple(fc.nat(sound.length - 1), fc.nat(255)).map(([at, byte]) => {
            const changed = sound.slice();
            changed[at] = byte;
            return changed;
          }),
          fc.nat(sound.length).map((length) => sound.slice(0, length)),
        ),
        (file) => {
          try {
            decodeSafetensors(file);
          } catch (error) {
            expect(error).toMatchObject({ code: 'safetensors-invalid' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are refused when offsets overlap, leave gaps, lie about shapes or claim too much', () => {
    const tensor = (shape: unknown, start: number, end: number, dtype = 'F32') =>
      JSON.stringify({ dtype, shape, data_offsets: [start, end] });
    const files = [
      fileOf(`{"a":${tensor([2], 0, 8)},"b":${tensor([2], 4, 12)}}`, 12),
      fileOf(`{"a":${tensor([2], 0, 8)},"b":${tensor([2], 12, 20)}}`, 20),
      fileOf(`{"a":${tensor([3], 0, 8)}}`, 8),
      fileOf(`{"a":${tensor([2], 0, 8)}}`, 12),
      fileOf(`{"a":${tensor([2], 0, 8, 'I32')}}`, 8),
      fileOf(`{"a":${tensor([0], 0, 0)}}`, 0),
      fileOf(`{"a":${tensor([1e9, 1e9], 0, 8)}}`, 8),
      fileOf(`{"a":${tensor([2], 0, 8)},"__metadata__":{"n":1}}`, 8),
      fileOf('{}', 0),
      fileOf('[]', 0),
      fileOf('{}', 0, 2 ** 40),
    ];
    for (const file of files) {
      expect(() => decodeSafetensors(file)).toThrow(expect.objectContaining({ code: 'safetensors-invalid' }));
    }
  });

  const python = pythonWithSafetensors();
  it.skipIf(!python)(`are read by Python's safetensors${python ? '' : ' (python3 lacks the module)'}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-safetensors-'));
    const layout = layoutOf([
      { name: 'dense1/kernel', shape: [2, 3] },
      { name: 'dense1/bias', shape: [3] },
    ]);
    const path = join(folder, 'params.safetensors');
    writeFileSync(
      path,
      encodeSafetensors({ layout, params: filled(layout, 'f32'), metadata: { round: '3' } }),
    );
    const script = `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework='numpy') as file:
    print(json.dumps([file.metadata(), {key: file.get_tensor(key).tolist() for key in file.keys()}]))`;
    const [metadata, tensors] = JSON.parse(
      execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }),
    );
    rmSync(folder, { recursive: true });
    expect(metadata).toEqual({ format: 'grapevine', round: '3' });
    const params = filled(layout, 'f32');
    expect(tensors['dense1/kernel']).toEqual([[...params.slice(0, 3)], [...params.slice(3, 6)]]);
    expect(tensors['dense1/bias']).toEqual([...params.slice(6)]);
  });
});

function pythonWithSafetensors(): boolean {
  try {
    execFileSync('python3', ['-c', 'import numpy, safetensors'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
