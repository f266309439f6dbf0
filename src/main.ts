#!/usr/bin/env node
/** The command line's door: connects the process to runCli, and survives a reader that closed its end of the pipe. */
import './base/runtime.ts';
import { realClock } from './base/clock.ts';
import { runCli } from './cli/program.ts';

/** `grapevine report … | head` closes stdout early: that is no fault, and a command that still runs goes on to its end. */
function ignoreClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** The first signal asks the command to end well; the second ends the process (128 + SIGINT). */
function listenForInterruption(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}

let interruption: AbortSignal | undefined;
ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: realClock,
  interruption: () => {
    interruption ??= listenForInterruption();
    return interruption;
  },
});
// Nothing a command left behind (a worker, a socket) may keep the process: leave once what was said is out.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
