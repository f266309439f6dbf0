import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rotatingLog } from '../../src/storage/log.ts';
import { memoryStorage } from '../../src/storage/memory.ts';

const limits = { segmentBytesMax: 20, segmentsMax: 3 };

describe('a rotating log', () => {
  it('moves the full segment to path.1 and so on, and overwrites the oldest', async () => {
    const storage = memoryStorage();
    const log = await rotatingLog(storage, 'peer/events.jsonl', limits);
    for (const digit of '12345678') log.append(digit.repeat(9)); // two lines of 10 bytes fill a segment
    expect(await storage.list('peer')).toEqual(['events.jsonl', 'events.jsonl.1', 'events.jsonl.2']);
    expect((await log.lines()).map((line) => line[0]).join('')).toBe('345678');
  });

  it('never holds more than segmentBytesMax × segmentsMax bytes, and what it holds is the newest, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 19 }), { maxLength: 60 }), async (lengths) => {
        const storage = memoryStorage({ faults: { capacityBytes: 60 } });
        const log = await rotatingLog(storage, 'log', limits);
        const lines = lengths.map((length, index) => String.fromCharCode(97 + (index % 26)).repeat(length));
        for (const line of lines) log.append(line);
        const held = await log.lines();
        expect(held).toEqual(lines.slice(lines.length - held.length));
        expect(lines.length === 0 || held.length > 0).toBe(true);
      }),
    );
  });

  it('continues after a restart without the line that a crash tore', async () => {
    const storage = memoryStorage();
    (await rotatingLog(storage, 'log', limits)).append('first');
    (await rotatingLog(storage, 'log', limits)).append('second');
    storage.crash(3);
    storage.restart();
    const log = await rotatingLog(storage, 'log', limits);
    log.append('third');
    expect(await log.lines()).toEqual(['first', 'third']);
  });

  it('removes the segments that a smaller limit no longer allows, and no other file', async () => {
    const storage = memoryStorage();
    for (const path of ['run/log.1', 'run/log.4', 'run/log.12', 'run/log.old', 'run/other.7']) {
      storage.append(path, 'x\n');
    }
    await rotatingLog(storage, 'run/log', limits);
    expect(await storage.list('run')).toEqual(['log.1', 'log.old', 'other.7']);
  });

  it('passes on that the disk is full', async () => {
    const storage = memoryStorage({ faults: { capacityBytes: 10 } });
    const log = await rotatingLog(storage, 'log', limits);
    log.append('123456789');
    expect(() => log.append('1')).toThrowError(expect.objectContaining({ code: 'storage-full' }));
  });

  it('takes a line that cannot fit, or holds a line feed, for a bug', async () => {
    const log = await rotatingLog(memoryStorage(), 'log', limits);
    expect(() => log.append('x'.repeat(20))).toThrow(/exceeds a segment/);
    expect(() => log.append('a\nb')).toThrow(/line feed/);
  });
});
