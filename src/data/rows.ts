/** Files of rows with named columns, visited one row at a time: CSV (RFC 4180 by csv-parse) and JSON arrays. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { distance } from 'fastest-levenshtein';
import { InputError, type Problem, ProblemsError } from '../base/errors.ts';
import { dataFileSizeBytes, readDataFile, unreadable } from './file.ts';

/** Takes the values of one row in the order of the columns asked for, and says where the row is. */
export type RowVisitor = (values: readonly unknown[], place: string) => void;

export interface RowFile {
  readonly path: string;
  /**
   * Visits every row in file order. ProblemsError where a column is unknown; InputError `data-file-missing`,
   * `data-file-unreadable`, `csv-malformed`, `json-malformed`.
   */
  visit(columns: readonly string[], visitor: RowVisitor): Promise<void>;
}

/** A CSV file whose first line names the columns; quotes, byte-order mark, CRLF and blank lines are understood. */
export function csvFile(path: string, delimiter: string): RowFile {
  return { path, visit: (columns, visitor) => visitCsv(path, delimiter, columns, visitor) };
}

/** A JSON file with an array of flat objects. */
export function jsonFile(path: string): RowFile {
  return { path, visit: (columns, visitor) => visitJson(path, columns, visitor) };
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

async function visitCsv(
  path: string,
  delimiter: string,
  columns: readonly string[],
  visitor: RowVisitor,
): Promise<void> {
  dataFileSizeBytes(path);
  let positions: number[] | undefined;
  const takeRow = ({ record, info }: CsvRecord): void => {
    if (positions === undefined) positions = columnPositions(path, record, columns);
    else visitor(valuesAt(record, positions), `line ${info.lines}`);
  };
  const parser = parse({ bom: true, delimiter, info: true, skip_empty_lines: true, trim: true });
  let refused: unknown;
  try {
    await pipeline(createReadStream(path), parser, async (records: AsyncIterable<CsvRecord>) => {
      for await (const row of records) {
        try {
          takeRow(row);
        } catch (error) {
          refused = error; // pipeline may reject with the abortion that follows, instead of with this
          throw error;
        }
      }
    });
  } catch (error) {
    throw refused ?? csvError(path, error);
  }
  if (positions === undefined) {
    throw new InputError('csv-malformed', `${path} is empty; its first line must name the columns`, { path });
  }
}

function valuesAt(record: readonly string[], positions: readonly number[]): unknown[] {
  return positions.map((position) => record[position]);
}

function csvError(path: string, error: unknown): InputError {
  const { code, message, lines } = error as { code?: string; message: string; lines?: number };
  if (code === undefined || !code.startsWith('CSV_')) return unreadable(path, error);
  return new InputError(
    'csv-malformed',
    `${path} is not a well-formed CSV file: ${message}; every line needs as many cells as the first, and quotes must be closed`,
    { path, line: lines },
    { cause: error },
  );
}

function columnPositions(path: string, header: readonly string[], columns: readonly string[]): number[] {
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new InputError('csv-malformed', `${path} has two columns named "${twice}"; rename one`, { path });
  }
  requireColumns(path, header, columns);
  return columns.map((column) => header.indexOf(column));
}

async function visitJson(path: string, columns: readonly string[], visitor: RowVisitor): Promise<void> {
  const rows = parseJsonRows(path, new TextDecoder().decode(await readDataFile(path)));
  requireColumns(path, [...new Set(rows.flatMap((row) => Object.keys(row)))], columns);
  rows.forEach((row, index) => {
    visitor(
      columns.map((column) => (Object.hasOwn(row, column) ? row[column] : undefined)),
      `row ${index + 1}`,
    );
  });
}

function parseJsonRows(path: string, text: string): Record<string, unknown>[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw jsonMalformed(path, (error as Error).message);
  }
  if (!Array.isArray(value)) throw jsonMalformed(path, `it holds ${typeof value}, not an array`);
  const wrong = value.findIndex((row) => typeof row !== 'object' || row === null || Array.isArray(row));
  if (wrong !== -1) throw jsonMalformed(path, `row ${wrong + 1} is not an object`);
  return value as Record<string, unknown>[];
}

function jsonMalformed(path: string, reason: string): InputError {
  return new InputError(
    'json-malformed',
    `${path} is not a JSON array of objects such as [{"age": 63, "label": "ill"}]: ${reason}`,
    { path, reason },
  );
}

function requireColumns(path: string, present: readonly string[], wanted: readonly string[]): void {
  const problems: Problem[] = wanted
    .filter((column) => !present.includes(column))
    .map((column) => ({
      path: '',
      message: `there is no column "${column}"`,
      suggestion: columnSuggestion(column, present),
    }));
  if (problems.length > 0) throw new ProblemsError(path, problems);
}

function columnSuggestion(column: string, present: readonly string[]): string {
  const nearest = present
    .map((name) => ({ name, edits: distance(name.toLowerCase(), column.toLowerCase()) }))
    .sort((left, right) => left.edits - right.edits)[0];
  if (nearest !== undefined && nearest.edits <= Math.max(2, column.length / 3)) {
    return `did you mean "${nearest.name}"?`;
  }
  const shown = present.slice(0, 20).join(', ');
  return `the columns are: ${shown}${present.length > 20 ? ', …' : ''}`;
}
