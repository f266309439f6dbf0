/** The real outside of a command: this process's streams, environment and signals. */
import { realClock } from '../base/clock.ts';
import type { CliIo } from './io.ts';

/** What is used of Node's `process`. */
export interface HostProcess {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
  /** Undefined where the process was started without a channel to its parent; false where the parent is gone already. */
  readonly connected?: boolean | undefined;
  on(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'disconnect', listener: () => void): unknown;
  exit(code: number): unknown;
}

/** Exit code of a process that its user ended: 128 + SIGINT. */
const INTERRUPTED = 130;

export function processIo(host: HostProcess): CliIo {
  ignoreClosedPipe(host.stdout);
  ignoreClosedPipe(host.stderr);
  const controller = new AbortController();
  let isAsked = false;
  // A sweep that is killed leaves no cell running behind; what has nothing to save yet ends at once.
  const orphaned = () => (isAsked ? controller.abort() : host.exit(INTERRUPTED));
  if (host.connected === true) host.on('disconnect', orphaned);
  else if (host.connected === false) orphaned();
  return {
    stdout: host.stdout,
    stderr: host.stderr,
    env: host.env,
    clock: realClock,
    interruption: () => {
      if (!isAsked) listenForInterruption(host, controller);
      isAsked = true;
      return controller.signal;
    },
  };
}

/** `grapevine report … | head` closes stdout early: that is no fault, and a command that still runs goes on to its end. */
function ignoreClosedPipe(stream: NodeJS.WritableStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** The first signal asks the command to end well; the second ends the process. */
function listenForInterruption(host: HostProcess, controller: AbortController): void {
  const onSignal = (): void => {
    if (controller.signal.aborted) host.exit(INTERRUPTED);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) host.on(signal, onSignal);
}
