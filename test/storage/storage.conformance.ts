/** What every Storage must do; each implementation's test calls it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Storage } from '../../src/storage/storage.ts';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** Another Storage over the same files, as after a restart of the process. */
  reopen(): Storage;
  dispose(): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

async function textAt(storage: Storage, path: string): Promise<string | undefined> {
  const bytes = await storage.read(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

export function storageConformance(name: string, create: () => Promise<StorageUnderTest>): void {
  describe(`${name} is a Storage`, () => {
    let under: StorageUnderTest;
    let storage: Storage;
    beforeEach(async () => {
      under = await create();
      storage = under.storage;
    });
    afterEach(() => under.dispose());

    it('reads undefined, size 0 and an empty list where nothing was written', async () => {
      expect(await storage.read('none')).toBeUndefined();
      expect(await storage.read('deep/none')).toBeUndefined();
      expect(storage.size('deep/none')).toBe(0);
      expect(await storage.list('deep')).toEqual([]);
    });

    it('reads back any bytes that were written, also after a restart', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
          await storage.write('a/b/params', bytes);
          expect(Uint8Array.from((await under.reopen().read('a/b/params')) ?? [])).toEqual(bytes);
          expect(storage.size('a/b/params')).toBe(bytes.length);
        }),
        { numRuns: 10 },
      );
    });

    it('gives bytes that the caller may change without changing the file', async () => {
      await storage.write('file', bytesOf('old'));
      (await storage.read('file'))?.fill(0);
      expect(await textAt(storage, 'file')).toBe('old');
    });

    it('replaces a file whole, never a mixture of a long old and a short new one', async () => {
      await storage.write('file', bytesOf('a long first content'));
      await storage.write('file', bytesOf('short'));
      expect(await textAt(storage, 'file')).toBe('short');
    });

    it('performs overlapping writes of one path in call order', async () => {
      await Promise.all(['1', '22', '333'].map((text) => storage.write('file', bytesOf(text))));
      expect(await textAt(storage, 'file')).toBe('333');
      expect(await storage.list('')).toEqual(['file']);
    });

    it('has appended text in place as soon as append returns', async () => {
      storage.append('log/events', 'one\n');
      storage.append('log/events', 'zwö\n');
      expect(storage.size('log/events')).toBe(9);
      expect(await textAt(under.reopen(), 'log/events')).toBe('one\nzwö\n');
    });

    it('appends to what a write or an earlier process left', async () => {
      await storage.write('log', bytesOf('old\n'));
      storage.append('log', 'new\n');
      under.reopen().append('log', 'newer\n');
      expect(await textAt(storage, 'log')).toBe('old\nnew\nnewer\n');
    });

    it('appends to the new file after the old one was replaced, renamed or removed', async () => {
      storage.append('log', 'a\n');
      await storage.write('log', bytesOf('b\n'));
      storage.append('log', 'c\n');
      expect(await textAt(storage, 'log')).toBe('b\nc\n');
      storage.rename('log', 'log.1');
      storage.append('log', 'd\n');
      expect(await textAt(storage, 'log')).toBe('d\n');
      expect(await textAt(storage, 'log.1')).toBe('b\nc\n');
      await storage.remove('log');
      expect(storage.size('log')).toBe(0);
      storage.append('log', 'e\n');
      expect(await textAt(storage, 'log')).toBe('e\n');
    });

    it('renames over an existing file and forgets the old name', async () => {
      await storage.write('from', bytesOf('new'));
      await storage.write('to', bytesOf('old'));
      storage.append('to', ' log');
      storage.rename('from', 'to');
      expect(await textAt(storage, 'to')).toBe('new');
      expect(storage.size('to')).toBe(3);
      expect(await storage.read('from')).toBeUndefined();
    });

    it('refuses to rename what is not there with storage-failed', () => {
      expect(() => storage.rename('none', 'to')).toThrowError(
        expect.objectContaining({ code: 'storage-failed' }),
      );
    });

    it('lists the files directly under a folder, sorted, without folders', async () => {
      for (const path of ['run/b', 'run/a', 'run/deep/c', 'top']) await storage.write(path, bytesOf(path));
      expect(await storage.list('run')).toEqual(['a', 'b']);
      expect(await storage.list('')).toEqual(['top']);
    });

    it('removes a file, and removing nothing is no error', async () => {
      await storage.write('file', bytesOf('x'));
      await storage.remove('file');
      await storage.remove('file');
      expect(await storage.read('file')).toBeUndefined();
    });

    it.each(['../outside', '/absolute', 'a/../../b', 'a//b', './a', 'a\\b', '', 'nul\0'])(
      'takes %j for a bug: no path leaves the root',
      (path) => {
        expect(() => storage.append(path, 'x')).toThrow(/unsafe storage path/);
        expect(() => storage.size(path)).toThrow(/unsafe storage path/);
        expect(() => storage.rename(path, 'a')).toThrow(/unsafe storage path/);
      },
    );
  });
}
