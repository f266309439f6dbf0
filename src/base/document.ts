/**
 * Reads people's YAML and JSON files against a zod schema: syntax errors with line and column, and every problem of
 * the content at once, each with its path, what was got, what was wanted and, where a name looks mistyped, the
 * nearest one that exists.
 */
import { readFileSync, statSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { InputError, type Problem, ProblemsError } from './errors.ts';
import { problemsOfIssues } from './schema-problems.ts';

/** Configuration is written by people; anything larger was passed by mistake. */
export const documentBytesMax = 4 * 2 ** 20;

export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The text of a configuration file. Throws InputError `file-missing`, `file-is-folder`, `file-too-large` or
 * `file-unreadable`; `what` says what the file is for people, such as "the experiment".
 */
export function readDocumentFile(path: string, what: string, bytesMax = documentBytesMax): string {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) {
      throw new InputError('file-is-folder', `${what} ${path} is a folder; give the YAML file inside it`, {
        path,
      });
    }
    if (stats.size > bytesMax) {
      const message = `${what} ${path} has ${stats.size} bytes; wanted at most ${bytesMax}: is it the right file?`;
      throw new InputError('file-too-large', message, { path, sizeBytes: stats.size });
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new InputError('file-missing', `${what} ${path} does not exist; check the path`, { path });
    }
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `${what} ${path} cannot be read (${reason}); check its permissions`;
    throw new InputError('file-unreadable', message, { path }, { cause: error });
  }
}

/** The data in a YAML (or JSON) text. Throws ProblemsError with line and column: bad syntax, duplicate keys, aliases without end. */
export function parseYaml(text: string, file: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ProblemsError(
      file,
      document.errors.map((error) => {
        const at = error.linePos?.[0];
        const path = at === undefined ? '' : `line ${at.line}, column ${at.col}`;
        return { path, message: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '') };
      }),
    );
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ProblemsError(file, [
      { path: '', message: `not readable as YAML: ${(error as Error).message}` },
    ]);
  }
}

/** Checks data against a schema; problems carry paths below `base`. */
export function checkAgainst<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
  base: readonly PropertyKey[] = [],
): Checked<z.output<Schema>> {
  const result = schema.safeParse(data);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problems: problemsOfIssues(result.error.issues, schema, data, base) };
}

/** Freezes a value made of plain objects and arrays, all the way down; returns it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
