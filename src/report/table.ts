/** Aligned text tables: columns two spaces apart, numbers to the right, a bold head where colour is wanted. */

export interface Column {
  readonly title: string;
  /** Numbers go to the right. */
  readonly align?: 'left' | 'right';
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** Rows under a rule at the end: means, totals. */
  readonly footer?: readonly (readonly string[])[];
}

export interface Style {
  readonly colour: boolean;
}

export const plain: Style = { colour: false };

export function bold(text: string, style: Style): string {
  return style.colour ? `\u001b[1m${text}\u001b[22m` : text;
}

function dim(text: string, style: Style): string {
  return style.colour ? `\u001b[2m${text}\u001b[22m` : text;
}

/** The table as lines, without a newline at the end; columns in which every cell is the same dash are left out by the caller. */
export function formatTable(table: Table, style: Style = plain): string {
  const { columns, rows, footer = [] } = table;
  const titles = columns.map(({ title }) => title);
  const all = [titles, ...rows, ...footer];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => widthOf(row[index] ?? ''))));
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) => pad(cells[index] ?? '', widths[index] ?? 0, column.align))
      .join('  ')
      .trimEnd();
  const rule = dim('─'.repeat(widths.reduce((sum, width) => sum + width, 2 * (columns.length - 1))), style);
  const body = rows.map(line);
  if (footer.length > 0) body.push(rule, ...footer.map(line));
  return [bold(line(titles), style), rule, ...body].join('\n');
}

/** The table without the columns in which no row says anything. */
export function withoutEmptyColumns(table: Table, nothing: string): Table {
  const { columns, rows, footer } = table;
  const kept = columns.map((_, index) =>
    [...rows, ...(footer ?? [])].some(
      (row) => row[index] !== nothing && row[index] !== '' && row[index] !== undefined,
    ),
  );
  const pick = <Item>(items: readonly Item[]): Item[] => items.filter((_, index) => kept[index]);
  const slim = { columns: pick(columns), rows: rows.map(pick) };
  return footer === undefined ? slim : { ...slim, footer: footer.map(pick) };
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? space + text : text + space;
}

/** Columns on a terminal, taking every code point as one. */
function widthOf(text: string): number {
  return [...text].length;
}
