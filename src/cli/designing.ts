/**
 * Reading experiments that may ask for a designed overlay: the design tells how far it is when it takes long, and is kept where runs
 * of the same design come again (the cells of a sweep, a silo that starts anew).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatingError } from '../base/errors.ts';
import type { DesignCache, Experiment } from '../experiment/index.ts';
import type { Session } from './session.ts';

/** Shorter ones need no words. */
const silentMs = 2_000;

/** By default the folder that GRAPEVINE_DESIGNS names keeps designs, and without it none does. Errors as loadExperiment. */
export async function readExperiment(
  session: Session,
  path: string,
  overrides: readonly string[],
  designs = folderOfDesigns(session),
): Promise<Experiment> {
  const { loadExperiment } = await import('../experiment/index.ts');
  const { clock } = session.io;
  const progress = session.progress();
  const startMs = clock.now();
  const onProgress = (line: string): void => {
    if (clock.now() - startMs >= silentMs) progress.update(line);
  };
  try {
    return loadExperiment(path, overrides, { onProgress, designs });
  } finally {
    progress.done();
  }
}

/** Overlay files by key in a folder, which is made when the first one comes. OperatingError `write-failed`. */
export function designFolder(folder: string): DesignCache {
  const pathOf = (key: string) => join(folder, `${key}.yaml`);
  return {
    read: (key) => (existsSync(pathOf(key)) ? readFileSync(pathOf(key), 'utf8') : undefined),
    write(key, text) {
      const draft = `${pathOf(key)}.${process.pid}.new`;
      try {
        mkdirSync(folder, { recursive: true });
        writeFileSync(draft, text);
        renameSync(draft, pathOf(key));
      } catch (cause) {
        const message = `cannot keep a designed overlay in ${folder}; is the disk full or the folder read-only?`;
        throw new OperatingError('write-failed', message, { folder }, { cause });
      }
    },
  };
}

function folderOfDesigns({ io }: Session): DesignCache | undefined {
  const folder = io.env.GRAPEVINE_DESIGNS ?? '';
  return folder === '' ? undefined : designFolder(folder);
}
