/** Storage in memory, with programmable faults: full, read-only, and a crash that tears the last append. */
import { OperatingError } from '../base/errors.ts';
import { storageError } from './failure.ts';
import { safeFolder, safePath } from './path.ts';
import type { Storage } from './storage.ts';

/** What is wrong with the disk; nothing by default. */
export interface StorageFaults {
  /** Bytes that fit, over all files; `storage-full` beyond. */
  readonly capacityBytes?: number | undefined;
  readonly readOnly?: boolean | undefined;
}

export interface MemoryStorage extends Storage {
  /** Replaces the faults from now on. */
  setFaults(faults: StorageFaults): void;
  /**
   * The process dies: writes that have not resolved are lost, the last append keeps only its first
   * `appendKeptBytes`, and every operation fails until `restart`.
   */
  crash(appendKeptBytes?: number): void;
  restart(): void;
}

export function memoryStorage({ faults = {} }: { readonly faults?: StorageFaults } = {}): MemoryStorage {
  return new FaultyMemory(faults);
}

class FaultyMemory implements MemoryStorage {
  readonly #files = new Map<string, Uint8Array>();
  #faults: StorageFaults;
  #crashed = false;
  /** Counts crashes, so that a write begun before one does not land after it. */
  #life = 0;
  #lastAppend: { readonly path: string; readonly bytes: number } | undefined;

  constructor(faults: StorageFaults) {
    this.#faults = faults;
  }

  setFaults(faults: StorageFaults): void {
    this.#faults = faults;
  }

  crash(appendKeptBytes = 0): void {
    this.#crashed = true;
    this.#life++;
    const torn = this.#lastAppend;
    this.#lastAppend = undefined;
    if (torn === undefined) return;
    const file = this.#files.get(torn.path) ?? new Uint8Array(0);
    const lost = Math.max(0, torn.bytes - appendKeptBytes);
    this.#files.set(torn.path, file.slice(0, file.length - lost));
  }

  restart(): void {
    this.#crashed = false;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    this.#requireAlive('read', safePath(path));
    return this.#files.get(path)?.slice();
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    safePath(path);
    const life = this.#life;
    await Promise.resolve();
    if (life !== this.#life) throw crashed('write', path);
    this.#requireWritable('write', path);
    this.#requireSpace('write', path, bytes.length - this.size(path));
    if (this.#lastAppend?.path === path) this.#lastAppend = undefined;
    this.#files.set(path, bytes.slice());
  }

  append(path: string, text: string): void {
    this.#requireWritable('append to', safePath(path));
    const added = new TextEncoder().encode(text);
    this.#requireSpace('append to', path, added.length);
    const old = this.#files.get(path) ?? new Uint8Array(0);
    const joined = new Uint8Array(old.length + added.length);
    joined.set(old);
    joined.set(added, old.length);
    this.#files.set(path, joined);
    this.#lastAppend = { path, bytes: added.length };
  }

  size(path: string): number {
    this.#requireAlive('look at', safePath(path));
    return this.#files.get(path)?.length ?? 0;
  }

  rename(from: string, to: string): void {
    this.#requireWritable('rename', safePath(from));
    safePath(to);
    const file = this.#files.get(from);
    if (file === undefined) throw refusal('rename', from, 'ENOENT');
    if (from === to) return;
    this.#files.delete(from);
    this.#files.set(to, file);
    if (this.#lastAppend?.path === from) this.#lastAppend = { path: to, bytes: this.#lastAppend.bytes };
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#requireAlive('list', safeFolder(folder));
    const prefix = folder === '' ? '' : `${folder}/`;
    const below = [...this.#files.keys()].filter((path) => path.startsWith(prefix));
    const names = below.map((path) => path.slice(prefix.length));
    return names.filter((name) => !name.includes('/')).sort();
  }

  async remove(path: string): Promise<void> {
    this.#requireWritable('remove', safePath(path));
    this.#files.delete(path);
    if (this.#lastAppend?.path === path) this.#lastAppend = undefined;
  }

  #requireAlive(doing: string, path: string): void {
    if (this.#crashed) throw crashed(doing, path);
  }

  #requireWritable(doing: string, path: string): void {
    this.#requireAlive(doing, path);
    if (this.#faults.readOnly === true) throw refusal(doing, path, 'EROFS');
  }

  #requireSpace(doing: string, path: string, addedBytes: number): void {
    const held = [...this.#files.values()].reduce((sum, { length }) => sum + length, 0);
    const { capacityBytes = Number.POSITIVE_INFINITY } = this.#faults;
    if (addedBytes > 0 && held + addedBytes > capacityBytes) throw refusal(doing, path, 'ENOSPC');
  }
}

function refusal(doing: string, path: string, osCode: string): OperatingError {
  return storageError(doing, path, Object.assign(new Error(osCode), { code: osCode }));
}

function crashed(doing: string, path: string): OperatingError {
  return new OperatingError(
    'storage-failed',
    `cannot ${doing} ${path}: this storage has crashed; restart it`,
    { path },
  );
}
