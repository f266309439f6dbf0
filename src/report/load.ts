/**
 * Reads what a run left in its directory: the summary if it got that far, and the rounds, silos and trouble of every log.
 * The replay log's events are passed over line by line, so that a run of weeks fits in memory.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
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

/** The log and, where it was rotated, the segments before it: the greater the number, the older. */
const LOG_NAME = /^events\.jsonl(?:\.(\d+))?$/;

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

/** Log files relative to the run's directory: its own and its peers', each peer's oldest first. */
async function findLogs(directory: string): Promise<string[]> {
  try {
    const logs = await logsIn(directory, '');
    const folders = await readdir(join(directory, 'peers'), { withFileTypes: true }).catch(() => []);
    const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    for (const name of names.sort()) logs.push(...(await logsIn(directory, join('peers', name))));
    return logs;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new InputError('run-missing', `${directory} is not a directory; give the directory of a run`, {
        directory,
      });
    }
    throw new OperatingError(
      'run-unreadable',
      `cannot read ${directory}: ${message}; check its permissions`,
      { directory },
      { cause },
    );
  }
}

async function logsIn(directory: string, folder: string): Promise<string[]> {
  const names = await readdir(join(directory, folder));
  const age = (name: string): number => Number(LOG_NAME.exec(name)?.[1] ?? 0);
  const logs = names.filter((name) => LOG_NAME.test(name)).sort((a, b) => age(b) - age(a));
  return logs.map((name) => join(folder, name));
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
