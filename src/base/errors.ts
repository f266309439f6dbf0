/**
 * Typed errors. An error is data: a literal code, the fields that explain it, and a message that says what was
 * got, what was wanted and what to do. Bugs are assertions (assert.ts); what another peer sends is never thrown.
 */

/** Fields that explain an error; JSON-serialisable. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Whose fault it is decides the exit code: bad input 2, operating fault 3. */
export type ErrorCategory = 'input' | 'operation';

/** One of possibly many things wrong with a file: where, what, and what to do about it. */
export interface Problem {
  /** Dotted path inside the file, such as `train.learningRate`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

export class GrapevineError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly category: ErrorCategory;
  readonly details: ErrorDetails;

  constructor(
    category: ErrorCategory,
    code: Code,
    message: string,
    details: ErrorDetails = {},
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'GrapevineError';
    this.category = category;
    this.code = code;
    this.details = details;
  }
}

/** The user's input is wrong: a file, an option, an argument. Exit code 2. */
export class InputError<Code extends string = string> extends GrapevineError<Code> {
  constructor(code: Code, message: string, details: ErrorDetails = {}, options: { cause?: unknown } = {}) {
    super('input', code, message, details, options);
    this.name = 'InputError';
  }
}

/** The world failed us: disk, port, process, network. Exit code 3. */
export class OperatingError<Code extends string = string> extends GrapevineError<Code> {
  constructor(code: Code, message: string, details: ErrorDetails = {}, options: { cause?: unknown } = {}) {
    super('operation', code, message, details, options);
    this.name = 'OperatingError';
  }
}

/** Many problems of one file, reported at once. */
export class ProblemsError extends InputError<'file-invalid'> {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const lines = problems.map(
      ({ path, message, suggestion }) =>
        `  ${path === '' ? '(file)' : path}: ${message}${suggestion === undefined ? '' : ` — ${suggestion}`}`,
    );
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super('file-invalid', `${file}: ${count}\n${lines.join('\n')}`, { file, problems });
    this.name = 'ProblemsError';
    this.problems = problems;
  }
}

/** The message of anything that was thrown, causes included, on one line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` (cause: ${describeError(error.cause)})`;
  return `${error.message}${cause}`;
}
