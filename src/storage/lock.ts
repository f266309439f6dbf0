/**
 * One process per folder: a lock file with the holder's process id and start. A lock whose holder is gone is taken over; where the
 * start of a process can be read (Linux), a process that merely has the same id is told from the holder.
 */
import { readFileSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatingError } from '../base/errors.ts';
import { storageError } from './failure.ts';

const LOCK_FILE = 'lock';

/** Names what this process writes beside locks: two attempts at one time, in one process too, must not take each other's file away. */
let drafts = 0;

export interface FolderLock {
  /** Whether a lock was there whose holder had ended without removing it. */
  readonly tookOver: boolean;
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** When the process started, in clock ticks since the machine's start; empty where that cannot be known. */
  readonly started: string;
}

/** Locks the folder, which is made if need be. OperatingError `run-folder-in-use`, and as Storage. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, LOCK_FILE);
  const text = JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' });
  try {
    await mkdir(folder, { recursive: true });
    if (await createLock(path, text)) return { tookOver: false, release: () => releaseLock(path, text) };
    await removeStale(path, folder);
    if (await createLock(path, text)) return { tookOver: true, release: () => releaseLock(path, text) };
  } catch (error) {
    throw storageError('lock', path, error);
  }
  throw inUse(folder, undefined);
}

/** Whether the lock was free. The file appears with its text in it. */
async function createLock(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${process.pid}-${drafts++}.partial`;
  try {
    const file = await open(draft, 'w');
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Moves a lock away whose holder is gone. Of two that try, one finds that what it moved is not what it judged, and puts it back. */
async function removeStale(path: string, folder: string): Promise<void> {
  const judged = await readFile(path, 'utf8').catch(() => '');
  const holder = parseHolder(judged);
  if (holder !== undefined && isAlive(holder)) throw inUse(folder, holder.pid);
  const aside = `${path}.${process.pid}-${drafts++}.stale.partial`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) === judged) return;
    await link(aside, path);
    throw inUse(folder, undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function releaseLock(path: string, text: string): Promise<void> {
  const current = await readFile(path, 'utf8').catch(() => '');
  if (current === text) await rm(path, { force: true });
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0 || typeof started !== 'string') return undefined;
    return { pid: pid as number, started };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return started === '' || now === undefined || now === started;
}

/** Field 22 of /proc/PID/stat, after field 2, which is in parentheses and may hold anything. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended, and not yet forgotten' : fields[19];
  } catch {
    return undefined;
  }
}

function inUse(folder: string, pid: number | undefined): OperatingError<'run-folder-in-use'> {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new OperatingError(
    'run-folder-in-use',
    `${folder} is in use by ${who}: one folder, one process; end the other one first, or give this one a folder of its own`,
    { folder, pid },
  );
}
