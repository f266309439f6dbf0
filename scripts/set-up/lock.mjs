/**
 * Lets one set-up at a time work on a checkout. The lock names its holder and the program the holder is
 * running, so that a set-up killed in the middle leaves nothing to clear by hand: the next one waits
 * until the orphaned program has ended, then takes the lock over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchChildren } from './command.mjs';
import { notes } from './paths.mjs';
import { step } from './progress.mjs';

const POLL_MS = 200;
const ORPHAN_WAIT_MS_MAX = 120_000;
const path = join(notes, 'set-up.lock');

/**
 * @template T
 * @param {() => Promise<T>} work done while this process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(work) {
  mkdirSync(notes, { recursive: true });
  while (!take()) await waitFor(holder());
  watchChildren((childPid) => writeFileSync(path, JSON.stringify({ pid: process.pid, childPid })));
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take() {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid }), { flag: 'wx' });
    return true;
  } catch (cause) {
    if (cause.code === 'EEXIST') return false;
    throw cause;
  }
}

function holder() {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {}; // gone, or torn by a kill: nobody holds it
  }
}

async function waitFor({ pid, childPid }) {
  if (isAlive(pid)) {
    await step(`Waiting for another set-up (process ${pid})`, async () => {
      while (isAlive(pid) && holder().pid === pid) await sleep(POLL_MS);
    });
    return;
  }
  if (isAlive(childPid)) {
    const untilMs = Date.now() + ORPHAN_WAIT_MS_MAX;
    await step(`Waiting for what an interrupted set-up left running (process ${childPid})`, async () => {
      while (isAlive(childPid) && Date.now() < untilMs) await sleep(POLL_MS);
    });
  }
  if (holder().pid === pid) rmSync(path, { force: true });
}

function isAlive(pid) {
  if (!Number.isInteger(pid)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause.code === 'EPERM';
  }
}
