/** Files that a command writes for people: whole or not at all. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError, OperatingError } from '../base/errors.ts';

/**
 * Writes text beside the target and moves it into place; parent folders are made. Throws OperatingError `write-failed`;
 * with `isNew`, InputError `file-exists` where something is there already.
 */
export async function writeTextFile(path: string, text: string, { isNew = false } = {}): Promise<void> {
  return writeWhole(path, text, isNew);
}

/** The same for bytes, over whatever is there. */
export async function writeBinaryFile(path: string, bytes: Uint8Array): Promise<void> {
  return writeWhole(path, bytes, false);
}

async function writeWhole(path: string, content: string | Uint8Array, isNew: boolean): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    if (isNew) await (await open(path, 'wx')).close();
    const file = await open(draft, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (isNew && code === 'EEXIST' && syscall === 'open') {
      throw new InputError(
        'file-exists',
        `${path} is there already; choose another path, or remove it first`,
        { path },
      );
    }
    await rm(draft, { force: true }).catch(() => undefined);
    throw new OperatingError(
      'write-failed',
      `cannot write ${path}: ${message}; is the disk full or the folder read-only?`,
      { path },
      { cause },
    );
  }
}
