/** A run's tables: one row per silo, alone against together; and several runs side by side, one row each. */
import type { RunMode, RunSummary } from '../record/index.ts';
import { bytes, counted, figure, NOTHING, percent, seconds } from './figures.ts';
import type { Run } from './load.ts';
import { runName, type SiloRow, siloRows, spreadOver } from './silos.ts';
import {
  bold,
  type Column,
  formatTable,
  plain,
  type Style,
  type Table,
  withoutEmptyColumns,
} from './table.ts';

const endings: Readonly<Record<RunSummary['endReason'], string>> = {
  rounds: 'it did all its rounds',
  seconds: 'its time was up',
  'target-accuracy': 'it reached its target accuracy',
  interrupted: 'it was interrupted and can be resumed',
  failed: 'it failed',
};

const modes: Readonly<Record<RunMode, string>> = {
  swarm: 'real processes',
  simulate: 'simulated',
  peer: 'one silo',
};

/** Everything worth saying about one run, as text without a newline at the end. */
export function describeRun(run: Run, style: Style = plain): string {
  const parts = [bold(runName(run), style), headline(run), '', formatTable(siloTable(run), style)];
  const closing = [...findings(run), ...reference(run)];
  if (closing.length > 0) parts.push('', ...closing);
  return [...parts, ...run.warnings.map((warning) => `warning: ${warning}`)].join('\n');
}

/** Several runs, one row each. */
export function compareRuns(runs: readonly Run[], style: Style = plain): string {
  return formatTable(comparisonTable(runs), style);
}

/** One line: what ran, where, how long, why it ended. */
export function headline(run: Run): string {
  const { summary, info } = run;
  if (summary === undefined) {
    const done = Math.min(...siloRows(run).map(({ rounds }) => rounds));
    const backend = info === undefined ? '' : ` on ${info.backend}, seed ${info.seed}`;
    return `${counted(done, 'round')} so far${backend}; no summary: it is still running or was cut off`;
  }
  const { rounds, startRound = 0, mode, backend, wallSeconds, cpuSeconds, seed, endReason, peers } = summary;
  const time = `${seconds(wallSeconds)}${mode === 'simulate' ? ' of virtual time' : ''}`;
  const cost = cpuSeconds === undefined ? '' : `, ${cpuSeconds.toFixed(1)} CPU-s`;
  const since = startRound > 0 ? `, the last ${rounds - startRound} of them` : '';
  return `${counted(rounds, 'round')} over ${counted(peers.length, 'silo')} (${modes[mode]}, ${backend}, seed ${seed})${since} in ${time}${cost}; ended because ${endings[endReason]}`;
}

/** What the silos found together, a line each, and the exchanges that may be half. */
export function findings(run: Run): string[] {
  return [...foundTogether(run), ...halfExchanges(run)];
}

function halfExchanges({ summary }: Run): string[] {
  const those = (summary?.peers ?? []).flatMap(({ name, halfExchanges: half }) =>
    half === undefined ? [] : [{ name, ...half }],
  );
  if (those.length === 0) return [];
  const each = those.map(
    ({ name, count, drift }) => `${name} ${count}${drift > 0 ? `, moved alone by ${figure(drift)}` : ''}`,
  );
  return [`exchanges that may be half: ${each.join('; ')}`];
}

function foundTogether({ summary }: Run): string[] {
  return (summary?.aggregate ?? []).flatMap(({ of, exact, silos, weightError, metrics = {} }) => {
    const who = `${counted(silos.length, 'silo')} together${exact ? '' : ', NOT exact at every silo'}`;
    const within = weightError === undefined ? '' : `, every silo weighed alike to ${figure(weightError)}`;
    if (of === 'params') return [`the params saved: the mean of ${who}${within}`];
    return Object.entries(metrics).map(([name, { count, mean, least, most, sum }]) => {
      const show = (value: number) => (name === 'samples' ? figure(value) : percent(value, 2));
      const total = sum === undefined ? '' : `${sum.toLocaleString('en-US')} in all, `;
      return `${name} of ${count} of ${who}: ${total}${show(mean)} on average, ${show(least)} to ${show(most)}${within}`;
    });
  });
}

export function siloTable(run: Run): Table {
  const rows = siloRows(run);
  const columns: Column[] = [
    { title: 'silo' },
    ...['samples', 'own alone', 'own together', 'global alone', 'global together', 'rounds', 'sent'].map(
      right,
    ),
    ...['training', 'waiting', 'exchanging', 'left out', 'refused'].map(right),
  ];
  const spreads = [
    spreadOver(rows, 'alone', 'ownTest'),
    spreadOver(rows, 'together', 'ownTest'),
    spreadOver(rows, 'alone', 'globalTest'),
    spreadOver(rows, 'together', 'globalTest'),
  ];
  const over = (pick: 'mean' | 'worst'): string[] => [
    pick,
    '',
    ...spreads.map((spread) => percent(spread?.[pick])),
  ];
  // Of one silo its own row says it.
  const judged = rows.length > 1 && spreads.some((spread) => spread !== undefined);
  const table = {
    columns,
    rows: rows.map(siloCells),
    ...(judged ? { footer: [over('mean'), over('worst')] } : {}),
  };
  return withoutEmptyColumns(table, NOTHING);
}

export function comparisonTable(runs: readonly Run[]): Table {
  const titles = [
    'silos',
    'rounds',
    'alone',
    'together',
    'worst',
    'pooled',
    'consensus',
    'sent',
    'wall',
    'CPU',
  ];
  const columns: Column[] = [{ title: 'run' }, { title: 'name' }, { title: 'backend' }, ...titles.map(right)];
  return withoutEmptyColumns({ columns, rows: runs.map(runCells) }, NOTHING);
}

/** What the accuracies are to be held against. */
export function reference(run: Run): string[] {
  const { summary } = run;
  if (summary === undefined) return [];
  const { accuracy, consensusDistance, bytesSent, messagesSent, peers } = summary;
  const consensus = peers.length > 1 ? `; consensus distance ${figure(consensusDistance)}` : '';
  const set = accuracy.set === 'global' ? 'the global test set' : "the silos' own test sets";
  const pooled =
    accuracy.pooled === undefined
      ? []
      : [`pooled, for reference: ${percent(accuracy.pooled)} on ${set}, had all samples been in one place`];
  return [...pooled, `${counted(messagesSent, 'model message')}, ${bytes(bytesSent)}${consensus}`];
}

function right(title: string): Column {
  return { title, align: 'right' };
}

function siloCells(row: SiloRow): string[] {
  const { alone, together, timeShare } = row;
  return [
    row.name,
    row.samples === undefined ? NOTHING : String(row.samples),
    percent(alone.ownTest),
    percent(together.ownTest),
    percent(alone.globalTest),
    percent(together.globalTest),
    String(row.rounds),
    bytes(row.bytesSent),
    percent(timeShare?.training, 0),
    percent(timeShare?.waiting, 0),
    percent(timeShare?.exchanging, 0),
    String(row.exclusions),
    String(row.refusals),
  ];
}

function runCells(run: Run): string[] {
  const { summary } = run;
  const rows = siloRows(run);
  if (summary === undefined) {
    const together = spreadOver(rows, 'together', 'globalTest') ?? spreadOver(rows, 'together', 'ownTest');
    const done = Math.min(...rows.map(({ rounds }) => rounds));
    return [
      run.directory,
      runName(run),
      run.info?.backend ?? NOTHING,
      String(rows.length),
      `${done} so far`,
      NOTHING,
      percent(together?.mean),
      percent(together?.worst),
    ];
  }
  const { accuracy } = summary;
  return [
    run.directory,
    summary.name,
    summary.backend,
    String(summary.peers.length),
    String(summary.rounds),
    percent(accuracy.alone?.mean),
    percent(accuracy.together?.mean),
    percent(accuracy.together?.worst),
    percent(accuracy.pooled),
    figure(summary.consensusDistance),
    bytes(summary.bytesSent),
    `${seconds(summary.wallSeconds)}${summary.mode === 'simulate' ? ' virtual' : ''}`,
    seconds(summary.cpuSeconds),
  ];
}
