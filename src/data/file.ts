/** Data files: paths relative to the file that names them, clear errors where one is missing, and their digest. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../base/errors.ts';

/** A path of an experiment file, from the folder of that file. */
export function dataPath(baseFolder: string, path: string): string {
  return resolve(baseFolder, path);
}

/** The whole file. InputError `data-file-missing`, `data-file-unreadable`. */
export async function readDataFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The file's size, bytes. InputError `data-file-missing`, `data-file-unreadable`. */
export function dataFileSizeBytes(path: string): number {
  return withDataFile(path, (descriptor) => fstatSync(descriptor).size);
}

/** Opens a file, hands over its descriptor, and closes it. */
export function withDataFile<T>(path: string, use: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new InputError('data-file-unreadable', `${path} is not a file; name a data file`, { path });
    }
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Fills `target` from byte `offset` of an open file. InputError `data-file-truncated` where it ends before. */
export function readExactly(descriptor: number, path: string, target: Uint8Array, offset: number): void {
  let filled = 0;
  while (filled < target.length) {
    const got = readSync(descriptor, target, filled, target.length - filled, offset + filled);
    if (got === 0) throw truncated(path, offset + target.length, offset + filled);
    filled += got;
  }
}

export function truncated(path: string, wantedBytes: number, gotBytes: number): InputError {
  return new InputError(
    'data-file-truncated',
    `${path} ends after ${gotBytes} bytes, its header announces ${wantedBytes}; fetch or copy the file again`,
    { path, wantedBytes, gotBytes },
  );
}

/** SHA-256 (hex) over the contents of some files, in the given order, each preceded by its length. */
export async function digestFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    hash.update(`${dataFileSizeBytes(path)}\n`);
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks) => {
      for await (const chunk of chunks) hash.update(chunk as Uint8Array);
    });
  }
  return hash.digest('hex');
}

export function unreadable(path: string, error: unknown): InputError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new InputError(
      'data-file-missing',
      `there is no data file ${path}; put it there or mend the path (relative to the file that names it)`,
      { path },
      { cause: error },
    );
  }
  return new InputError(
    'data-file-unreadable',
    `cannot read the data file ${path} (${code ?? 'unknown cause'}); it must be a file that you may read`,
    { path, osCode: code },
    { cause: error },
  );
}
