/** What a part of set-up came to last time, so that it knows by itself whether it is done. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Undefined where there is none, or none that can be read. */
export function readOutcome(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whole or not at all. */
export function writeOutcome(path, outcome) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.partial`, JSON.stringify(outcome));
  renameSync(`${path}.partial`, path);
}
