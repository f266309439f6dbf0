/** Tables and plots from records: `report → record`, nothing else. */
export { renderHtml } from './html.ts';
export { loadRun, type Run } from './load.ts';
export { type SiloRow, siloRows } from './silos.ts';
export { type Column, formatTable, plain, type Style, type Table } from './table.ts';
export { compareRuns, describeRun } from './tables.ts';
