/**
 * The lines of `events.jsonl`: one JSON object per line, told apart by its `type`. A peer appends them while it runs,
 * so the last line of a cut-off file may be torn: the reader drops it and says so; any other bad line is reported by number.
 * A number that is not finite (the loss of a diverged run) is written as null. `peer` is always the index in the membership.
 */

import { type Aggregated, aggregatedFields } from './aggregated.ts';
import { check, type Kind, list, oneOf, optional, shape, text, whole } from './shape.ts';
import type { RunMode } from './summary.ts';

export const RECORD_FORMAT = 'grapevine-record/1';

/** First line of each file and of each restart: who wrote this, where and with what. */
export interface RunInfo {
  readonly type: 'run';
  readonly format: typeof RECORD_FORMAT;
  readonly name: string;
  readonly mode: RunMode;
  readonly seed: number;
  /** Who writes the file; absent where one file holds all peers. */
  readonly peer?: number;
  readonly backend: string;
  /** Threads of the engine that trained. */
  readonly threads?: number;
  /** Version of Node, without `v`; absent on virtual time, as everything that belongs to a machine. */
  readonly node?: string;
  /** Such as `linux-x64`; absent on virtual time. */
  readonly platform?: string;
  /** Package versions, `grapevine` at least. */
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601; absent on virtual time. */
  readonly startedAt?: string;
}

/** What a silo holds. In `peer` mode it stays in the silo's own record. */
export interface SiloRecord {
  readonly type: 'silo';
  readonly peer: number;
  readonly name: string;
  readonly samples: number;
  readonly testSamples: number;
  /** Training samples per class index; absent where the task has no classes. */
  readonly labelCounts?: readonly number[];
}

export interface RoundRecord {
  readonly type: 'round';
  readonly peer: number;
  /** The round that is now complete, from 1. */
  readonly round: number;
  /** Mean training loss of the round; null when it is not finite. */
  readonly loss: number | null;
  /** Accuracy after mixing, 0 to 1, in rounds that evaluate. */
  readonly ownTest?: number;
  readonly globalTest?: number;
  /** Loss on the shared test set, where the task has no accuracy (the toy's distance to the optimum). */
  readonly globalLoss?: number;
  readonly excluded: readonly { readonly peer: number; readonly reason: string }[];
  /** During this round. */
  readonly bytesSent: number;
  readonly messagesSent: number;
  /** The driver's clock when the round completed; milliseconds since the peer started. */
  readonly nowMs?: number;
  readonly trainMs?: number;
  readonly waitMs?: number;
  readonly mixMs?: number;
  /** A fixed random projection of the params, to estimate the consensus distance without the params. */
  readonly sketch?: readonly number[];
}

/** One line of the replay log: the event that the peer's machine stepped through, before its actions left. */
export interface EventRecord {
  readonly type: 'event';
  readonly peer: number;
  /** From 0, without gaps. */
  readonly sequence: number;
  readonly nowMs: number;
  /** As peer/ encodes it. */
  readonly event: unknown;
}

/** Something another peer did was refused. */
export interface RefusalRecord {
  readonly type: 'refusal';
  readonly peer: number;
  /** Absent when the sender is not a member. */
  readonly from?: number;
  readonly reason: string;
  readonly detail: string;
  readonly nowMs?: number;
}

/** Something that happened to a peer and is worth knowing later: it fell behind, adopted a state, saw half an exchange. */
export interface NoticeRecord {
  readonly type: 'notice';
  readonly peer: number;
  readonly what: string;
  /** The other peer it concerns. */
  readonly other?: number;
  readonly round: number;
  readonly detail?: string;
  readonly nowMs?: number;
}

export interface AggregateRecord extends Aggregated {
  readonly type: 'aggregate';
  readonly peer: number;
  readonly nowMs?: number;
}

/** The peer is done, or was stopped in good order: what a replay must come to. A peer that dies writes none. */
export interface EndRecord {
  readonly type: 'end';
  readonly peer: number;
  readonly reason: string;
  /** Rounds done. */
  readonly round: number;
  /** SHA-256 (hex) of the final params' bytes. */
  readonly paramsSha256: string;
}

export type RunRecord =
  | RunInfo
  | SiloRecord
  | RoundRecord
  | EventRecord
  | RefusalRecord
  | NoticeRecord
  | AggregateRecord
  | EndRecord;

const shapes: Readonly<Record<RunRecord['type'], Kind>> = {
  run: shape({
    format: oneOf(RECORD_FORMAT),
    name: text,
    mode: oneOf('swarm', 'simulate', 'peer'),
    seed: whole,
    peer: optional(whole),
    backend: text,
    threads: optional(whole),
    node: optional(text),
    platform: optional(text),
    versions: { mapOf: text },
    startedAt: optional(text),
  }),
  silo: shape({
    peer: whole,
    name: text,
    samples: whole,
    testSamples: whole,
    labelCounts: optional(list(whole)),
  }),
  round: shape({
    peer: whole,
    round: whole,
    loss: 'number',
    ownTest: optional('number'),
    globalTest: optional('number'),
    globalLoss: optional('number'),
    excluded: list(shape({ peer: whole, reason: text })),
    bytesSent: whole,
    messagesSent: whole,
    nowMs: optional('number'),
    trainMs: optional('number'),
    waitMs: optional('number'),
    mixMs: optional('number'),
    sketch: optional(list('number')),
  }),
  event: shape({ peer: whole, sequence: whole, nowMs: 'number', event: 'any' }),
  refusal: shape({
    peer: whole,
    from: optional(whole),
    reason: text,
    detail: text,
    nowMs: optional('number'),
  }),
  notice: shape({
    peer: whole,
    what: text,
    other: optional(whole),
    round: whole,
    detail: optional(text),
    nowMs: optional('number'),
  }),
  aggregate: shape({ ...aggregatedFields, peer: whole, nowMs: optional('number') }),
  end: shape({ peer: whole, reason: text, round: whole, paramsSha256: text }),
};

/** One line, newline included. */
export function formatRecord(entry: RunRecord): string {
  return `${JSON.stringify(entry)}\n`;
}

export type ParsedLine =
  | { readonly ok: true; readonly record: RunRecord }
  | { readonly ok: false; readonly problem: string };

export function parseRecord(line: string): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, problem: 'not JSON' };
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) {
    return {
      ok: false,
      problem: `type: got ${JSON.stringify(type) ?? 'nothing'}, wanted ${Object.keys(shapes).join(' or ')}`,
    };
  }
  const problems = check(shapes[type as RunRecord['type']], value, '');
  return problems.length === 0
    ? { ok: true, record: value as RunRecord }
    : { ok: false, problem: problems.join('; ') };
}

export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

export interface ReadRecords {
  readonly records: readonly RunRecord[];
  /** The last line had no newline and could not be read: the writer was cut off. */
  readonly torn: boolean;
  readonly problems: readonly BadLine[];
}

/** Reads a whole file's text; never throws. */
export function parseRecords(content: string): ReadRecords {
  const lines = content.split('\n');
  const records: RunRecord[] = [];
  const problems: BadLine[] = [];
  let torn = false;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = parseRecord(line);
    if (parsed.ok) records.push(parsed.record);
    else if (index === lines.length - 1) torn = true;
    else problems.push({ line: index + 1, problem: parsed.problem });
  }
  return { records, torn, problems };
}
