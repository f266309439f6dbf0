/** A folder of data files for one test file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Dataset, datasetSchema, openDataset } from '../../src/data/index.ts';

export interface DataFolder {
  readonly path: string;
  write(name: string, content: string | Uint8Array): void;
  /** Opens a data set whose paths are relative to this folder. */
  open(spec: unknown): Promise<Dataset>;
}

export function dataFolder(): DataFolder {
  const path = mkdtempSync(join(tmpdir(), 'grapevine-data-'));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    write: (name, content) => writeFileSync(join(path, name), content),
    open: async (spec) => openDataset(datasetSchema.parse(spec), { baseFolder: path }),
  };
}

/** An IDX file of unsigned bytes. */
export function idxBytes(dimensions: readonly number[], elements: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dimensions.length + elements.length);
  bytes.set([0, 0, 8, dimensions.length]);
  const view = new DataView(bytes.buffer);
  dimensions.forEach((size, index) => {
    view.setUint32(4 + 4 * index, size);
  });
  bytes.set(elements, 4 + 4 * dimensions.length);
  return bytes;
}
