/**
 * One command's run: the options every command has, and where its text, its document and its progress go. With --json
 * the document alone goes to stdout and people's text to stderr; without, text goes to stdout and there is no document.
 */
import type { Style } from '../report/index.ts';
import type { CliIo } from './io.ts';
import { Progress } from './progress.ts';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** As typed: `path=value`. */
  readonly set?: readonly string[];
  readonly out?: string;
}

export class Session {
  readonly io: CliIo;
  readonly options: GlobalOptions;

  constructor(io: CliIo, options: GlobalOptions) {
    this.io = io;
    this.options = options;
  }

  /** What `--set` gave, in the order given: `path=value`, read by experiment/. */
  get overrides(): readonly string[] {
    return this.options.set ?? [];
  }

  get json(): boolean {
    return this.options.json === true;
  }

  /** Colour on terminals only, and never where NO_COLOR is set (no-color.org). */
  get style(): Style {
    const { stdout, env } = this.io;
    const forbidden = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
    return { colour: !this.json && stdout.isTTY === true && !forbidden };
  }

  /** Lines for people. */
  say(text: string): void {
    (this.json ? this.io.stderr : this.io.stdout).write(`${text}\n`);
  }

  /** Trouble that does not end the command. */
  warn(text: string): void {
    this.io.stderr.write(`warning: ${text}\n`);
  }

  /** The command's result: once, last. */
  answer(document: unknown, text: string): void {
    if (text !== '') this.say(text);
    if (this.json) this.io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** A progress line on stderr; silent with --quiet. `plainIntervalMs`: between lines where none can be redrawn. */
  progress(plainIntervalMs?: number): Progress {
    return new Progress(this.io.stderr, this.io.clock, this.options.quiet === true, plainIntervalMs);
  }
}
