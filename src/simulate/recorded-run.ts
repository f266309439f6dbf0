/**
 * The event logs of a run, read for a replay: each line is checked and remembered by its place in the file, so that a log of any
 * length takes a few bytes of memory per line. A torn last line is what a killed writer leaves; anything else that is wrong is told by
 * file and line, all at once.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Problem, ProblemsError } from '../base/errors.ts';
import { parseLogged } from '../peer/log.ts';
import {
  type EndRecord,
  parseRecord,
  RECORD_FORMAT,
  type RunInfo,
  type SiloRecord,
} from '../record/index.ts';
import type { RecordedLine } from './replay.ts';

/** What one peer left. */
export interface RecordedLog {
  /** One per start of the process. */
  readonly starts: readonly RunInfo[];
  readonly silo: SiloRecord | undefined;
  /** Of its last life; absent where it died. */
  readonly end: EndRecord | undefined;
  readonly eventCount: number;
  readonly log: Iterable<RecordedLine>;
}

export interface RecordedRun {
  /** In the order of the peers. */
  readonly logs: readonly RecordedLog[];
  /** What was passed over, for people. */
  readonly notes: readonly string[];
  /** Closes the files. */
  close(): void;
}

const LOG_NAME = /^events\.jsonl(?:\.(\d+))?$/;
const CHUNK_BYTES = 1 << 18;

/** Opens the logs of the run in `folder`. ProblemsError with all that is missing, torn in the middle, changed or of another version. */
export function openRecordedRun(folder: string, names: readonly string[]): RecordedRun {
  const reading = new Reading(folder, names);
  try {
    reading.readAll();
  } catch (error) {
    reading.close();
    throw error;
  }
  return reading;
}

class PeerLog {
  readonly starts: RunInfo[] = [];
  silo: SiloRecord | undefined;
  end: EndRecord | undefined;
  /** The sequence that the next event should have; undefined before the first. */
  expected: number | undefined;
  /** Three numbers per event: file, line, offset of its first byte; and its length. */
  readonly places: number[] = [];
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  get eventCount(): number {
    return this.places.length / 4;
  }

  get log(): Iterable<RecordedLine> {
    return { [Symbol.iterator]: () => this.#lines() };
  }

  *#lines(): Generator<RecordedLine> {
    for (let index = 0; index < this.places.length; index += 4) {
      const [file = 0, line = 0, offset = 0, length = 0] = this.places.slice(index, index + 4);
      yield this.#reading.lineAt(file, line, offset, length);
    }
  }
}

class Reading implements RecordedRun {
  readonly logs: readonly PeerLog[];
  readonly notes: string[] = [];
  readonly #folder: string;
  readonly #names: readonly string[];
  readonly #problems: Problem[] = [];
  readonly #files: { readonly name: string; readonly descriptor: number }[] = [];

  constructor(folder: string, names: readonly string[]) {
    this.#folder = folder;
    this.#names = names;
    this.logs = names.map(() => new PeerLog(this));
  }

  readAll(): void {
    const joint = this.#segments('');
    for (const file of joint) this.#read(file, undefined);
    if (joint.length === 0) {
      for (const [peer, name] of this.#names.entries()) {
        const files = this.#segments(join('peers', name));
        if (files.length === 0) this.#missing(join('peers', name, 'events.jsonl'), `the log of ${name}`);
        for (const file of files) this.#read(file, peer);
      }
    }
    this.#checkPeers(joint[0]);
    if (this.#problems.length > 0) throw new ProblemsError(this.#folder, this.#problems);
  }

  lineAt(file: number, line: number, offset: number, length: number): RecordedLine {
    const { descriptor, name } = this.#files[file]!;
    const bytes = Buffer.allocUnsafe(length);
    readSync(descriptor, bytes, 0, length, offset);
    const { nowMs, event } = JSON.parse(bytes.toString('utf8'));
    return { nowMs, event, place: `${name} line ${line}` };
  }

  close(): void {
    for (const { descriptor } of this.#files.splice(0)) closeSync(descriptor);
  }

  /** The log and what it was before it was rotated, the oldest first. */
  #segments(folder: string): string[] {
    let names: string[];
    try {
      names = readdirSync(join(this.#folder, folder));
    } catch {
      return []; // told as missing
    }
    const age = (name: string): number => Number(LOG_NAME.exec(name)?.[1] ?? 0);
    const logs = names.filter((name) => LOG_NAME.test(name)).sort((a, b) => age(b) - age(a));
    return logs.map((name) => join(folder, name));
  }

  #read(name: string, owner: number | undefined): void {
    const descriptor = openSync(join(this.#folder, name), 'r');
    const file = this.#files.push({ name, descriptor }) - 1;
    let number = 0;
    for (const { text, offset, length, whole } of linesOf(descriptor)) {
      number += 1;
      if (text.trim() === '') continue;
      const parsed = parseRecord(text);
      if (parsed.ok) this.#take(parsed.record, owner, [file, number, offset, length]);
      else if (!whole)
        this.notes.push(`${name}: its last line is cut off (its writer was killed) and was left out`);
      else this.#bad(name, number, parsed.problem);
    }
  }

  #take(
    record: Exclude<ReturnType<typeof parseRecord>, { ok: false }>['record'],
    owner: number | undefined,
    place: readonly [number, number, number, number],
  ): void {
    const [file, line] = place;
    const name = this.#files[file]!.name;
    const { peer } = record;
    const log = peer === undefined ? undefined : this.logs[peer];
    if (log === undefined || (owner !== undefined && peer !== owner)) {
      const wanted = owner === undefined ? `a peer below ${this.logs.length}` : `peer ${owner}`;
      return this.#bad(name, line, `it is of peer ${peer}, wanted ${wanted}: a log of another run or silo?`);
    }
    if (record.type === 'run') log.starts.push(record);
    if (record.type === 'silo') log.silo = record;
    if (record.type === 'end') log.end = record;
    if (record.type !== 'event') return;
    const event = parseLogged(record.event);
    if (event === undefined)
      return this.#bad(name, line, `its event is none: ${JSON.stringify(record.event)}`);
    const fresh = event.kind === 'start' && record.sequence === 0;
    if (!fresh && record.sequence !== (log.expected ?? 0)) {
      this.#bad(
        name,
        line,
        `event ${record.sequence} where ${log.expected ?? 0} should be: lines are missing or were moved`,
      );
    }
    if (event.kind === 'start') log.end = undefined;
    log.expected = record.sequence + 1;
    log.places.push(...place);
  }

  #checkPeers(joint: string | undefined): void {
    for (const [peer, { starts, eventCount }] of this.logs.entries()) {
      const file = joint ?? join('peers', this.#names[peer] ?? '', 'events.jsonl');
      if (starts.length === 0 && (joint !== undefined || this.#hasFile(file)))
        this.#problems.push({
          path: file,
          message: `holds nothing of ${this.#names[peer]} about who wrote it`,
        });
      else if (eventCount === 0 && starts.length > 0)
        this.#problems.push({ path: file, message: `holds no event of ${this.#names[peer]}` });
    }
  }

  #hasFile(name: string): boolean {
    return this.#files.some((file) => file.name === name);
  }

  #missing(path: string, what: string): void {
    this.#problems.push({ path, message: `${what} is not there; a replay needs the logs of all silos` });
  }

  #bad(name: string, line: number, problem: string): void {
    if (this.#problems.length < PROBLEMS_MAX)
      this.#problems.push({ path: `${name} line ${line}`, message: `${problem} (format ${RECORD_FORMAT})` });
  }
}

/** More are not told. */
const PROBLEMS_MAX = 20;

interface FileLine {
  readonly text: string;
  readonly offset: number;
  readonly length: number;
  /** It ends with a line feed. */
  readonly whole: boolean;
}

function* linesOf(descriptor: number): Generator<FileLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let offset = 0;
  for (;;) {
    const read = readSync(descriptor, chunk, 0, CHUNK_BYTES, null);
    if (read === 0) break;
    const bytes = Buffer.concat([rest, chunk.subarray(0, read)]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield {
        text: bytes.toString('utf8', start, end),
        offset: offset + start,
        length: end - start,
        whole: true,
      };
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    offset += start;
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), offset, length: rest.length, whole: false };
}
