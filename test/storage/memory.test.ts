import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { storageConformance } from './storage.conformance.ts';

storageConformance('memory', async () => {
  const storage = memoryStorage();
  return { storage, reopen: () => storage, dispose: async () => undefined };
});

const coded = (code: string) => expect.objectContaining({ code, category: 'operation' });

describe('memory with faults', () => {
  it('is full after so many bytes and keeps what it had', async () => {
    const storage = memoryStorage({ faults: { capacityBytes: 10 } });
    await storage.write('a', new Uint8Array(6));
    await expect(storage.write('b', new Uint8Array(5))).rejects.toThrowError(coded('storage-full'));
    await expect(storage.write('a', new Uint8Array(11))).rejects.toThrowError(coded('storage-full'));
    expect(() => storage.append('log', 'five!')).toThrowError(coded('storage-full'));
    expect(storage.size('a')).toBe(6);
    storage.append('log', 'four');
    await storage.write('a', new Uint8Array(2));
    storage.setFaults({});
    await storage.write('b', new Uint8Array(500));
    expect(await storage.list('')).toEqual(['a', 'b', 'log']);
  });

  it('refuses every change while read-only, and still reads', async () => {
    const storage = memoryStorage();
    await storage.write('a', Uint8Array.of(7));
    storage.setFaults({ readOnly: true });
    await expect(storage.write('a', Uint8Array.of(8))).rejects.toThrowError(coded('storage-read-only'));
    await expect(storage.remove('a')).rejects.toThrowError(coded('storage-read-only'));
    expect(() => storage.append('a', 'x')).toThrowError(coded('storage-read-only'));
    expect(() => storage.rename('a', 'b')).toThrowError(coded('storage-read-only'));
    expect(await storage.read('a')).toEqual(Uint8Array.of(7));
  });

  it('tears only the last append in a crash, and loses writes that had not resolved', async () => {
    const storage = memoryStorage();
    await storage.write('state', Uint8Array.of(1));
    storage.append('log', 'whole line\n');
    storage.append('log', 'torn line\n');
    const begun = storage.write('state', Uint8Array.of(2));
    storage.crash(4);
    await expect(begun).rejects.toThrowError(coded('storage-failed'));
    await expect(storage.read('log')).rejects.toThrowError(coded('storage-failed'));
    storage.restart();
    expect(new TextDecoder().decode(await storage.read('log'))).toBe('whole line\ntorn');
    expect(await storage.read('state')).toEqual(Uint8Array.of(1));
  });
});
