import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { storageError } from '../../src/storage/failure.ts';
import { fileStorage } from '../../src/storage/files.ts';
import { storageConformance } from './storage.conformance.ts';

storageConformance('a folder of files', async () => {
  const root = await mkdtemp(join(tmpdir(), 'grapevine-storage-'));
  const storages = [fileStorage(join(root, 'run'))];
  const reopen = () => {
    const other = fileStorage(join(root, 'run'));
    storages.push(other);
    return other;
  };
  return {
    storage: storages[0]!,
    reopen,
    dispose: async () => {
      for (const storage of storages) storage.close();
      await rm(root, { recursive: true });
    },
  };
});

const STATE_BYTES = 1_000_000;

describe('a folder of files', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'grapevine-storage-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('says storage-full when the disk takes no more bytes', () => {
    symlinkSync('/dev/full', join(root, 'log'));
    const storage = fileStorage(root);
    expect(() => storage.append('log', 'line\n')).toThrowError(
      expect.objectContaining({ code: 'storage-full', message: expect.stringContaining('free some space') }),
    );
    storage.close();
  });

  it.each([
    ['ENOSPC', 'storage-full'],
    ['EDQUOT', 'storage-full'],
    ['EROFS', 'storage-read-only'],
    ['EACCES', 'storage-read-only'],
    ['EPERM', 'storage-read-only'],
    ['EIO', 'storage-failed'],
  ])('calls %s %s', (osCode, code) => {
    const error = storageError('write', 'x', Object.assign(new Error(osCode), { code: osCode }));
    expect(error).toMatchObject({ code, category: 'operation', details: { path: 'x', osCode } });
  });

  it('fails with a typed error and leaves nothing half-written where a folder is in the way', async () => {
    mkdirSync(join(root, 'file'));
    const storage = fileStorage(root);
    await expect(storage.write('file', new Uint8Array(9))).rejects.toMatchObject({ code: 'storage-failed' });
    await expect(storage.read('file')).rejects.toMatchObject({ code: 'storage-failed' });
    expect(readdirSync(root)).toEqual(['file']);
  });

  it('hides and reuses the temporary file that a crash left behind', async () => {
    writeFileSync(join(root, 'file.partial'), 'half-writ');
    const storage = fileStorage(root);
    expect(await storage.list('')).toEqual([]);
    await storage.write('file', Uint8Array.of(1));
    expect(readdirSync(root)).toEqual(['file']);
  });

  it('keeps on appending to more files than it holds open', async () => {
    const storage = fileStorage(root);
    for (const round of [1, 2]) {
      for (let file = 0; file < 70; file++) storage.append(`log-${file}`, `${round}\n`);
    }
    storage.close();
    for (let file = 0; file < 70; file++) {
      expect(readFileSync(join(root, `log-${file}`), 'utf8')).toBe('1\n2\n');
    }
  });

  it('shows one whole version at any moment of a write, and after the writing process is killed', async () => {
    const state = join(root, 'run/state');
    const expectWhole = () => {
      const bytes = readFileSync(state);
      expect(bytes.length).toBe(STATE_BYTES);
      expect(bytes.equals(Buffer.alloc(STATE_BYTES, bytes[0]))).toBe(true);
    };
    const writer = transpileWriter(join(root, 'code'));
    const child = spawn(process.execPath, [writer, join(root, 'run')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const exited = once(child, 'exit');
    let versionsSeen = 0;
    for await (const dots of child.stdout) {
      versionsSeen += (dots as Buffer).length;
      for (let read = 0; read < 15; read++) expectWhole();
      if (versionsSeen >= 40) child.kill('SIGKILL');
    }
    await exited;
    expect(versionsSeen).toBeGreaterThanOrEqual(40);
    expectWhole();
  });
});

/** A program that replaces `state` for ever and prints a dot each time; Node 20 runs no TypeScript, so it is compiled. */
function transpileWriter(folder: string): string {
  const source = new URL('../../src/', import.meta.url);
  const module = ts.ModuleKind.ESNext;
  for (const name of ['storage/files', 'storage/failure', 'storage/path', 'base/errors', 'base/assert']) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    const { outputText } = ts.transpileModule(readFileSync(new URL(`${name}.ts`, source), 'utf8'), {
      compilerOptions: { module, target: ts.ScriptTarget.ES2022, rewriteRelativeImportExtensions: true },
    });
    writeFileSync(join(folder, `${name}.js`), outputText);
  }
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const writer = join(folder, 'writer.js');
  writeFileSync(
    writer,
    `import { fileStorage } from './storage/files.js';
     const storage = fileStorage(process.argv[2]);
     for (let version = 0; ; version = (version + 1) % 256) {
       await storage.write('state', new Uint8Array(${STATE_BYTES}).fill(version));
       process.stdout.write('.');
     }`,
  );
  return writer;
}
