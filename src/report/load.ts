/**
 * Reads what a run left in its directory: the summary if it got that far, and the rounds, silos and trouble of every log.
 * The replay log's events are passed over line by line, so that a run of weeks fits in memory.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError, OperatingError } from '../base/errors.ts';
import {
  parseRecord,
  parseSummary,
  type RoundRecord,
  type RunInfo,
  type RunSummary,
  type SiloRecord,
} from '../record/index.ts';

export interface Run {
  readonly directory: string;
  readonly info?: RunInfo;
  /** Absent while the run goes on, or where it was cut off. */
  readonly summary?: RunSummary;
  /** By peer, then round; one record per peer and round. */
  readonly rounds: readonly RoundRecord[];
  /** By peer. */
  readonly silos: readonly SiloRecord[];
  /** What could not be read, in words. */
  readonly warnings: readonly string[];
}

const LOG_NAME = /^events.*\.jsonl$/;

/**
 * Throws InputError `run-missing` (no such folder), `run-empty` (nothing recorded there), `summary-invalid`;
 * OperatingError `run-unreadable`.
 */
export async function loadRun(directory: string): Promise<Run> {
  const logs = await findLogs(directory);
  const collected = new Collection();
  for (const log of logs) await collected.readLog(join(directory, log), log);
  const summary = await loadSummary(directory);
  if (summary === undefined && collected.isEmpty) {
    throw new InputError(
      'run-empty',
      `${directory} holds neither summary.json nor logs; give the directory that a run printed as its own`,
      { directory },
    );
  }
  const run = { directory, ...collected.finish() };
  return summary === undefined ? run : { ...run, summary };
}

/** Log files relative to the run's directory: its own and its peers', in order. */
async function findLogs(directory: string): Promise<string[]> {
  try {
    if (!(await stat(directory)).isDirectory()) throw notDirectory(directory);
    const logs = (await readdir(directory)).filter((name) => LOG_NAME.test(name)).sort();
    const peers = (await readdir(directory)).includes('peers') ? await readdir(join(directory, 'peers')) : [];
    for (const peer of peers.sort()) {
      const names = await readdir(join(directory, 'peers', peer));
      logs.push(
        ...names
          .filter((name) => LOG_NAME.test(name))
          .sort()
          .map((name) => join('peers', peer, name)),
      );
    }
    return logs;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw notDirectory(directory);
    throw new OperatingError(
      'run-unreadable',
      `cannot read ${directory}: ${(cause as Error).message}`,
      { directory },
      { cause },
    );
  }
}

function notDirectory(directory: string): InputError {
  return new InputError('run-missing', `${directory} is not a directory; give the directory of a run`, {
    directory,
  });
}

async function loadSummary(directory: string): Promise<RunSummary | undefined> {
  const file = join(directory, 'summary.json');
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new OperatingError(
      'run-unreadable',
      `cannot read ${file}: ${(cause as Error).message}`,
      { directory },
      { cause },
    );
  }
  return parseSummary(content, file);
}

/** What was read so far; a round stepped through twice (after a restart) counts once, as it ended last. */
class Collection {
  #info: RunInfo | undefined;
  readonly #rounds = new Map<string, RoundRecord>();
  readonly #silos = new Map<number, SiloRecord>();
  readonly #warnings: string[] = [];

  get isEmpty(): boolean {
    return this.#info === undefined && this.#rounds.size === 0 && this.#silos.size === 0;
  }

  async readLog(path: string, name: string): Promise<void> {
    const lines = createInterface({
      input: createReadStream(path, 'utf8'),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    let number = 0;
    let bad: string | undefined;
    for await (const line of lines) {
      // A bad line is only known to be a torn end once nothing follows it.
      if (bad !== undefined) this.#warnings.push(bad);
      bad = undefined;
      number++;
      if (line === '' || line.startsWith('{"type":"event"')) continue;
      const parsed = parseRecord(line);
      if (!parsed.ok) bad = `${name} line ${number}: ${parsed.problem}`;
      else this.#take(parsed.record);
    }
    if (bad !== undefined) this.#warnings.push(`${name}: its last line is cut off and was left out`);
  }

  finish(): Omit<Run, 'directory' | 'summary'> {
    const rounds = [...this.#rounds.values()].sort((a, b) => a.peer - b.peer || a.round - b.round);
    const silos = [...this.#silos.values()].sort((a, b) => a.peer - b.peer);
    const found = { rounds, silos, warnings: this.#warnings };
    return this.#info === undefined ? found : { ...found, info: this.#info };
  }

  #take(record: { readonly type: string }): void {
    if (record.type === 'run') this.#info ??= record as RunInfo;
    if (record.type === 'silo') this.#silos.set((record as SiloRecord).peer, record as SiloRecord);
    if (record.type === 'round') {
      const round = record as RoundRecord;
      this.#rounds.set(`${round.peer}/${round.round}`, round);
    }
  }
}
