/**
 * The Launcher seam: starts and stops peers somewhere. Here: processes on this machine, each in its own group so that a Ctrl-C in
 * the terminal reaches the launcher alone, which then ends them in order. A watchdog holds the other end of a pipe: when the
 * launcher is gone for whatever reason, it kills what is left, stopped processes included.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import type { FromChild, ToChild } from './protocol.ts';

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ChildHandlers {
  message(message: FromChild): void;
  exited(exit: ChildExit): void;
}

export interface Child {
  readonly pid: number;
  send(message: ToChild): void;
  kill(): void;
  /** Lets the process stand still, or go on. */
  pause(): void;
  resume(): void;
}

export interface Launcher {
  start(handlers: ChildHandlers): Child;
  /** Ends whatever still runs, by force. */
  close(): void;
}

export interface ProcessLauncherOptions {
  /** The compiled entry of a child. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a child's output goes that is not a message. */
  readonly onOutput: (pid: number, text: string) => void;
}

/** Seconds a child has to save its work by itself after the launcher is gone. */
const WATCHDOG_GRACE_SECONDS = 5;

/**
 * Many processes share this machine: a small young generation takes a fifth less memory each, and collecting it without helper threads
 * 7 % less CPU time (medians of the common job); neither costs measurable time. The old generation, 32 MB to begin with, may grow by
 * a fifth between collections: left to itself it let garbage pile up over thousands of rounds, 6 % of a peer's memory over 10,000.
 */
const SMALL_HEAP = [
  '--max-semi-space-size=2',
  '--single-threaded-gc',
  '--initial-old-space-size=32',
  '--heap-growing-percent=20',
];
/** NODE_EXTRA_CA_CERTS makes Node read every certificate at its start, 85 ms a process; peers prove their identities without any. */
const LEAN = { MALLOC_ARENA_MAX: '2', NODE_EXTRA_CA_CERTS: undefined };

/** Reads `+pid` and `-pid` lines; at the end of its input it waits, then kills every pid that is still on its list. */
const WATCHDOG = `
pids=" "
while read -r line; do
  case "$line" in
    +*) pids="$pids\${line#+} " ;;
    -*) pids=$(printf '%s' "$pids" | sed "s/ \${line#-} / /") ;;
    done) exit 0 ;;
  esac
done
sleep ${WATCHDOG_GRACE_SECONDS}
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
`;

export function processLauncher({ entry, env, onOutput }: ProcessLauncherOptions): Launcher {
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  watchdog.stdin.on('error', () => undefined); // it is gone already: nothing is left to guard
  (watchdog.stdin as unknown as { unref?: () => void }).unref?.();
  const running = new Set<ChildProcess>();
  return {
    start(handlers) {
      const child = fork(entry, [], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        execArgv: [...process.execArgv, ...SMALL_HEAP],
        env: { ...env, ...LEAN },
      });
      const pid = child.pid ?? 0;
      running.add(child);
      watchdog.stdin.write(`+${pid}\n`);
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => onOutput(pid, text));
      }
      child.on('message', (message) => handlers.message(message as FromChild));
      child.on('exit', (code, signal) => {
        running.delete(child);
        watchdog.stdin.write(`-${pid}\n`);
        handlers.exited({ code, signal });
      });
      return {
        pid,
        // A child that is gone says so through its exit; a message to it is of no use then.
        send: (message) => child.connected && child.send(message, () => undefined),
        kill: () => child.kill('SIGKILL'),
        pause: () => child.kill('SIGSTOP'),
        resume: () => child.kill('SIGCONT'),
      };
    },
    close() {
      for (const child of running) child.kill('SIGKILL');
      watchdog.stdin.end('done\n');
    },
  };
}
