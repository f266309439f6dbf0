/** Runs the programs that set-up needs (npm, python3, a compiler) and finds out which of them are here. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const TAIL_CHARS_MAX = 4000;
const running = new Set();
let onChild = (_pid) => undefined;

/** Names a listener told the process id of each program as it starts, and undefined when it has ended. */
export function watchChildren(listener) {
  onChild = listener;
}

/** Ends the programs that are running; for a set-up that is itself told to stop. */
export function endChildren(signal) {
  for (const child of running) child.kill(signal);
}

/**
 * @param {string} name of a program
 * @returns {string | undefined} its path, when PATH has it
 */
export function find(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder: the next one may have it
    }
  }
  return undefined;
}

/**
 * Runs a program to its end, without a shell and without input.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<string>} what it printed (the last 4,000 characters of both streams)
 * @throws {Error} with that text when it cannot start or fails
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let tail = '';
    const keep = (chunk) => {
      tail = (tail + chunk).slice(-TAIL_CHARS_MAX);
    };
    running.add(child);
    onChild(child.pid);
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (cause) => {
      running.delete(child);
      onChild(undefined);
      reject(new Error(`cannot run ${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      onChild(undefined);
      if (code === 0) resolve(tail);
      else reject(new Error(`${program} ${args[0] ?? ''} ended with ${signal ?? code}:\n${tail.trim()}`));
    });
  });
}

/**
 * Runs a program that fetches from a network: once more where it fails, beside the tries that it makes by itself.
 * @type {typeof run}
 */
export function runFetching(program, args, options) {
  return run(program, args, options).catch(() => run(program, args, options));
}
