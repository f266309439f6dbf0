/** What a command may touch of the outside: given as an argument, so that tests run commands in their own process. */
import type { Clock } from '../base/clock.ts';

export interface OutputStream {
  write(text: string): unknown;
  /** A terminal, where a line can be redrawn. */
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
}

export interface CliIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Aborted at the first Ctrl-C or SIGTERM. Only a command that asks takes over these signals. */
  readonly interruption: () => AbortSignal;
}
