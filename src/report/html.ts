/** `report.html`: the tables and the plot in one file that loads nothing, in light or dark as the reader's system is. */
import type { Run } from './load.ts';
import { escaped } from './markup.ts';
import { plotAccuracy } from './plot.ts';
import { runName } from './silos.ts';
import type { Table } from './table.ts';
import { comparisonTable, findings, headline, reference, siloTable } from './tables.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --muted: #60646c; --line: #d9d9e0; --back: #fff; --mean: #3e63dd; --mark: #cd2b31; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --muted: #b0b4ba; --line: #363a3f; --back: #111113; --mean: #9eb1ff; --mark: #ff9592; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
.right { text-align: right; } tfoot { font-weight: 600; } p { color: var(--muted); }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--muted); } svg line.grid { stroke: var(--line); }
svg polyline { fill: none; } svg .silo { stroke: var(--muted); stroke-width: 1; opacity: .45; }
svg .mean { stroke: var(--mean); stroke-width: 2.5; } svg .reference { stroke: var(--mark); stroke-dasharray: 5 4; }
.key { display: inline-block; width: 1.5em; border-top: 3px solid; vertical-align: middle; }`;

/** The whole document; several runs are compared first, then each is shown. */
export function renderHtml(runs: readonly Run[]): string {
  const title = runs.length === 1 ? runName(runs[0] as Run) : `${runs.length} runs`;
  const comparison = runs.length > 1 ? `<h1>${escaped(title)}</h1>\n${htmlTable(comparisonTable(runs))}` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Grapevine</title>
<style>${STYLE}
</style>
</head>
<body>
${comparison}
${runs.map(section).join('\n')}
</body>
</html>
`;
}

function section(run: Run): string {
  const plot = plotAccuracy(run);
  const legend =
    '<p><span class="key" style="color:var(--mean)"></span> mean over silos · <span class="key" style="color:var(--muted)"></span> each silo · <span class="key" style="color:var(--mark)"></span> references</p>';
  return [
    '<section>',
    `<h1>${escaped(runName(run))}</h1>`,
    `<p>${escaped(headline(run))}</p>`,
    ...(plot === '' ? [] : ['<h2>Accuracy per round</h2>', plot, legend]),
    '<h2>Silos</h2>',
    htmlTable(siloTable(run)),
    ...[...findings(run), ...reference(run)].map((line) => `<p>${escaped(line)}</p>`),
    ...run.warnings.map((warning) => `<p>warning: ${escaped(warning)}</p>`),
    '</section>',
  ].join('\n');
}

function htmlTable({ columns, rows, footer = [] }: Table): string {
  const cells = (tag: 'td' | 'th', row: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const side = align === 'right' ? ' class="right"' : '';
        return `<${tag}${side}>${escaped(row[index] ?? '')}</${tag}>`;
      })
      .join('');
  const body = (lines: readonly (readonly string[])[]): string =>
    lines.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<table>
<thead><tr>${cells(
    'th',
    columns.map(({ title }) => title),
  )}</tr></thead>
<tbody>
${body(rows)}
</tbody>
<tfoot>
${body(footer)}
</tfoot>
</table>`;
}
