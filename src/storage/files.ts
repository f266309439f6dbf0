/**
 * Storage in a folder of the file system. A write goes to a temporary file beside its target, is flushed (fsync),
 * renamed over it, and the folder is flushed: a crash at any moment leaves the old bytes or the new ones.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { storageError } from './failure.ts';
import { safeFolder, safePath } from './path.ts';
import type { Storage } from './storage.ts';

/** Temporary files end so; list() never shows them, and the next write of the same file reuses one left by a crash. */
const TEMPORARY = '.partial';
/** Appended files kept open at once; the one opened first is closed for another. */
const OPEN_FILES_MAX = 64;

/** What file systems that cannot flush a folder (some network mounts) answer; the rename itself stands. */
const UNSUPPORTED = new Set(['EINVAL', 'ENOTSUP']);

/** Storage that also holds open files. */
export interface FileStorage extends Storage {
  /** Closes the files kept open for appending; the storage stays usable. */
  close(): void;
}

interface Appended {
  readonly descriptor: number;
  sizeBytes: number;
}

export interface FileStorageOptions {
  /**
   * Whether a write has reached the disk when it resolves; true where absent. Without, a file is still old or new as a whole after
   * the process dies, but not after the machine does: for what can be computed again, and is written too often to wait for disks.
   */
  readonly isDurable?: boolean;
}

/** Storage under a folder, which is made with the first write. */
export function fileStorage(root: string, { isDurable = true }: FileStorageOptions = {}): FileStorage {
  return new FolderStorage(resolve(root), isDurable);
}

class FolderStorage implements FileStorage {
  readonly #root: string;
  readonly #isDurable: boolean;
  readonly #appended = new Map<string, Appended>();
  /** The last write of each path: one follows another, in call order. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(root: string, isDurable: boolean) {
    this.#root = root;
    this.#isDurable = isDurable;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const absolute = this.#absolute(path);
    try {
      return await readFile(absolute);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storageError('read', absolute, error);
    }
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    const absolute = this.#absolute(path);
    const before = this.#writing.get(path) ?? Promise.resolve();
    const replace = () => this.#replace(path, absolute, bytes);
    const written = before.then(replace, replace).finally(() => {
      if (this.#writing.get(path) === written) this.#writing.delete(path);
    });
    this.#writing.set(path, written);
    return written;
  }

  append(path: string, text: string): void {
    const absolute = this.#absolute(path);
    try {
      const file = this.#appended.get(path) ?? this.#openForAppending(path, absolute);
      appendWhole(file, Buffer.from(text));
    } catch (error) {
      throw storageError('append to', absolute, error);
    }
  }

  size(path: string): number {
    const known = this.#appended.get(path);
    if (known !== undefined) return known.sizeBytes;
    const absolute = this.#absolute(path);
    try {
      return statSync(absolute, { throwIfNoEntry: false })?.size ?? 0;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw storageError('look at', absolute, error);
    }
  }

  rename(from: string, to: string): void {
    const [source, target] = [this.#absolute(from), this.#absolute(to)];
    this.#release(from);
    this.#release(to);
    try {
      mkdirSync(dirname(target), { recursive: true });
      renameSync(source, target);
    } catch (error) {
      throw storageError('rename', source, error);
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    const absolute = join(this.#root, safeFolder(folder));
    try {
      const entries = await readdir(absolute, { withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(TEMPORARY));
      return files.map(({ name }) => name).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw storageError('list', absolute, error);
    }
  }

  async remove(path: string): Promise<void> {
    const absolute = this.#absolute(path);
    this.#release(path);
    try {
      await rm(absolute, { force: true });
    } catch (error) {
      throw storageError('remove', absolute, error);
    }
  }

  close(): void {
    for (const path of [...this.#appended.keys()]) this.#release(path);
  }

  #absolute(path: string): string {
    return join(this.#root, safePath(path));
  }

  async #replace(path: string, absolute: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${absolute}${TEMPORARY}`;
    try {
      await mkdir(dirname(absolute), { recursive: true });
      await writeNew(temporary, bytes, this.#isDurable);
      await rename(temporary, absolute);
      this.#release(path);
      if (this.#isDurable) await flushFolder(dirname(absolute));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw storageError('write', absolute, error);
    }
  }

  #openForAppending(path: string, absolute: string): Appended {
    const oldest = this.#appended.keys().next();
    if (this.#appended.size >= OPEN_FILES_MAX && !oldest.done) this.#release(oldest.value);
    mkdirSync(dirname(absolute), { recursive: true });
    const descriptor = openSync(absolute, 'a');
    const file = { descriptor, sizeBytes: fstatSync(descriptor).size };
    this.#appended.set(path, file);
    return file;
  }

  /** The name will stand for another file: an open descriptor would still write to this one. */
  #release(path: string): void {
    const file = this.#appended.get(path);
    if (file === undefined) return;
    this.#appended.delete(path);
    closeSync(file.descriptor);
  }
}

async function writeNew(path: string, bytes: Uint8Array, isDurable: boolean): Promise<void> {
  await withHandle(await open(path, 'w'), async (handle) => {
    await handle.writeFile(bytes);
    if (isDurable) await handle.sync();
  });
}

async function flushFolder(folder: string): Promise<void> {
  await withHandle(await open(folder, 'r'), async (handle) => {
    try {
      await handle.sync();
    } catch (error) {
      if (!UNSUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  });
}

async function withHandle(handle: FileHandle, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}

/** Appends all bytes or, where that fails half-way, none. */
function appendWhole(file: Appended, bytes: Uint8Array): void {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(file.descriptor, bytes, written);
  } catch (error) {
    if (written > 0) ftruncateSync(file.descriptor, file.sizeBytes);
    throw error;
  }
  file.sizeBytes += written;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
