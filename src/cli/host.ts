/** What a command's declaration needs from the program around it. */
import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { CliIo } from './io.ts';
import { type GlobalOptions, Session } from './session.ts';

/** A command's work: its operands as typed, its own options; returns the exit code where it is not 0. */
export type CommandWork<Options> = (
  session: Session,
  operands: readonly string[],
  options: Options,
) => Promise<ExitCode | undefined>;

/** Puts one command on the program. */
export type Declare = (program: Command, host: Host) => void;

export class Host {
  readonly #io: CliIo;
  exitCode: ExitCode = 0;

  constructor(io: CliIo) {
    this.#io = io;
  }

  /** A commander action around the command's work. */
  run<Options = GlobalOptions>(
    work: CommandWork<Options & GlobalOptions>,
  ): (...args: unknown[]) => Promise<void> {
    return async (...args) => {
      const command = args.at(-1) as Command;
      const options = command.optsWithGlobals() as Options & GlobalOptions;
      const session = new Session(this.#io, options);
      this.exitCode = (await work(session, command.args, options)) ?? 0;
    };
  }
}
