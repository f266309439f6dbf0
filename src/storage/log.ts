/**
 * A log of lines with bounded bytes: `path` is written to, `path.1` is the segment before it, and so on; the oldest
 * is overwritten. What it may hold: segmentBytesMax × segmentsMax bytes.
 */
import { assert } from '../base/assert.ts';
import type { Storage } from './storage.ts';

const LINE_FEED = 10;

export interface LogLimits {
  readonly segmentBytesMax: number;
  /** At least 2: the current segment and the one before. */
  readonly segmentsMax: number;
}

export interface RotatingLog {
  /** Appends one line, without its line feed; it must fit into a segment. Throws what Storage.append throws. */
  append(line: string): void;
  /** All lines still held, oldest first. */
  lines(): Promise<string[]>;
}

/**
 * Opens or continues a log: cuts off a line torn by a crash, and removes segments beyond `segmentsMax`.
 * OperatingError as Storage.
 */
export async function rotatingLog(storage: Storage, path: string, limits: LogLimits): Promise<RotatingLog> {
  const { segmentBytesMax, segmentsMax } = limits;
  assert(segmentBytesMax > 0 && segmentsMax >= 2, 'a rotating log wants at least 2 segments of some bytes');
  await cutTornLine(storage, path);
  await removeBeyond(storage, path, segmentsMax);
  return {
    append(line) {
      assert(!line.includes('\n'), 'a log line holds no line feed');
      const bytes = Buffer.byteLength(line) + 1;
      assert(
        bytes <= segmentBytesMax,
        `a log line of ${bytes} bytes exceeds a segment of ${segmentBytesMax}`,
      );
      if (storage.size(path) + bytes > segmentBytesMax) rotate(storage, path, segmentsMax);
      storage.append(path, `${line}\n`);
    },
    lines: () => readLines(storage, path, segmentsMax),
  };
}

function segmentPath(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/** Every segment grows older by one; the oldest is overwritten. */
function rotate(storage: Storage, path: string, segmentsMax: number): void {
  for (let age = segmentsMax - 2; age >= 0; age--) {
    if (storage.size(segmentPath(path, age)) === 0) continue;
    storage.rename(segmentPath(path, age), segmentPath(path, age + 1));
  }
}

async function readLines(storage: Storage, path: string, segmentsMax: number): Promise<string[]> {
  const lines: string[] = [];
  for (let age = segmentsMax - 1; age >= 0; age--) {
    const bytes = await storage.read(segmentPath(path, age));
    if (bytes === undefined) continue;
    lines.push(...new TextDecoder().decode(bytes).split('\n').slice(0, -1));
  }
  return lines;
}

async function cutTornLine(storage: Storage, path: string): Promise<void> {
  const bytes = await storage.read(path);
  if (bytes === undefined || bytes.length === 0 || bytes.at(-1) === LINE_FEED) return;
  await storage.write(path, bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1));
}

async function removeBeyond(storage: Storage, path: string, segmentsMax: number): Promise<void> {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, Math.max(0, slash));
  const prefix = `${path.slice(slash + 1)}.`;
  for (const name of await storage.list(folder)) {
    const age = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (!/^[1-9]\d*$/.test(age) || Number(age) < segmentsMax) continue;
    await storage.remove(folder === '' ? name : `${folder}/${name}`);
  }
}
