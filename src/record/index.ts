/** The schema of what a run leaves behind: the lines of its logs, and its summary. */
export * from './records.ts';
export * from './summary.ts';
