/** What a command and all processes under it cost, as Linux counts it. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 200;
const TICKS_PER_SECOND = 100;

/**
 * Runs `node ...argv` and measures it.
 * @param {string[]} argv
 * @returns {Promise<{exitCode: number, output: string, wallSeconds: number, cpuSeconds: number, pssBytesMax: number, processesMax: number}>}
 *   cpuSeconds: user and system time of the command and of all descendants that were waited for; pssBytesMax: greatest sum of
 *   proportional set sizes (memory shared by n processes counts 1/n in each), sampled.
 */
export async function measure(argv) {
  const startedMs = performance.now();
  const cpuBefore = childrenCpuSeconds();
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  let pssBytesMax = 0;
  let processesMax = 0;
  const timer = setInterval(() => {
    const sizes = [child.pid, ...descendants(child.pid)].map(pssBytes).filter((bytes) => bytes > 0);
    pssBytesMax = Math.max(
      pssBytesMax,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    );
    processesMax = Math.max(processesMax, sizes.length);
  }, SAMPLE_MS);
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  return {
    ...{ exitCode, output, pssBytesMax, processesMax },
    wallSeconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: childrenCpuSeconds() - cpuBefore,
  };
}

/** Time of all children that this process has waited for, theirs included: fields 16 and 17 of proc(5)'s stat. */
function childrenCpuSeconds() {
  const fields = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** Processes come and go while they are looked at: one that is gone has no children and no memory. */
function descendants(pid) {
  return unlessGone([], () =>
    readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
        .split(' ')
        .filter(Boolean);
      return children.flatMap((child) => [Number(child), ...descendants(child)]);
    }),
  );
}

function pssBytes(pid) {
  return unlessGone(0, () => {
    const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? [];
    return 1024 * Number(kib ?? 0);
  });
}

function unlessGone(otherwise, read) {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(error.code)) return otherwise;
    throw error;
  }
}
