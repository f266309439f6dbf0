import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import {
  formatRecord,
  formatSummary,
  parseRecord,
  parseRecords,
  parseSummary,
  RECORD_FORMAT,
  type RoundRecord,
  type RunRecord,
  spreadOf,
} from '../../src/record/index.ts';
import { exampleSummary } from './example.ts';

const round: RoundRecord = {
  type: 'round',
  peer: 2,
  round: 7,
  loss: 0.25,
  ownTest: 0.5,
  excluded: [{ peer: 1, reason: 'deadline' }],
  bytesSent: 100,
  messagesSent: 2,
  trainMs: 3.5,
};

const one: readonly RunRecord[] = [
  round,
  { type: 'silo', peer: 0, name: 'a', samples: 5, testSamples: 1, labelCounts: [2, 3] },
  { type: 'event', peer: 0, sequence: 0, nowMs: 1, event: { kind: 'started' } },
  { type: 'refusal', peer: 0, reason: 'frame-digest', detail: 'x' },
  {
    type: 'run',
    format: RECORD_FORMAT,
    name: 'n',
    mode: 'peer',
    seed: 1,
    backend: 'toy',
    node: '20.20.2',
    platform: 'linux-x64',
    versions: { grapevine: '0.1.0' },
  },
];

describe('records', () => {
  it('reads back every type of line it writes', () => {
    const read = parseRecords(one.map(formatRecord).join(''));
    expect(read).toEqual({ records: one, torn: false, problems: [] });
  });

  it('drops a torn last line, says so, and keeps the rest', () => {
    const content = formatRecord(round) + formatRecord(round).slice(0, 30);
    expect(parseRecords(content)).toEqual({ records: [round], torn: true, problems: [] });
  });

  it('names the line that is bad in the middle and reads on', () => {
    const read = parseRecords(`${formatRecord(round)}{"type":"ro\n${formatRecord(round)}`);
    expect(read.records).toHaveLength(2);
    expect(read.problems).toEqual([{ line: 2, problem: 'not JSON' }]);
    expect(read.torn).toBe(false);
  });

  it('keeps a loss that is not finite as null', () => {
    const read = parseRecord(formatRecord({ ...round, loss: Number.NaN }));
    expect(read).toEqual({ ok: true, record: { ...round, loss: null } });
  });

  it.each([
    ['{"type":"party"}', 'type: got "party"'],
    ['null', 'type: got nothing'],
    ['[]', 'type: got nothing'],
    ['{"type":"toString"}', 'type: got "toString"'],
    [JSON.stringify({ ...round, round: -1 }), 'round: got -1, wanted a whole number from 0'],
    [JSON.stringify({ ...round, excluded: [{ peer: 'a', reason: 1 }] }), 'excluded[0].peer: got "a"'],
    [JSON.stringify({ ...round, excluded: undefined }), 'excluded: got nothing, wanted a list'],
  ])('refuses %s', (line, problem) => {
    const read = parseRecord(line);
    expect(read.ok).toBe(false);
    expect((read as { problem: string }).problem).toContain(problem);
  });
});

describe('summary', () => {
  it('reads back what it writes', () => {
    expect(parseSummary(formatSummary(exampleSummary()), 'summary.json')).toEqual(exampleSummary());
  });

  it('names every field at fault at once', () => {
    const broken = { ...exampleSummary(), seed: 'x', rounds: 1.5 };
    const attempt = () => parseSummary(JSON.stringify(broken), 'summary.json');
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow(/seed: got "x"[\s\S]*rounds: got 1.5/);
  });

  it('says when the file is cut off', () => {
    expect(() => parseSummary('{"type":', 'summary.json')).toThrow(/not JSON/);
  });

  it('takes mean and worst over the silos that have an accuracy', () => {
    expect(spreadOf([0.5, undefined, 1])).toEqual({ mean: 0.75, worst: 0.5 });
    expect(spreadOf([undefined])).toBeUndefined();
  });
});
