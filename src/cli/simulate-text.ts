/** What `grapevine simulate` tells people while it goes on and at its end. */
import { join } from 'node:path';
import type { Experiment } from '../experiment/index.ts';
import type { RunSummary } from '../record/index.ts';
import type { RunProgress } from '../simulate/index.ts';

/** What the simulation costs on this machine: printed, never written into the run. */
export interface HostFigures {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly rssBytesMax: number;
  readonly events: number;
  readonly eventsPerSecond: number;
}

/** Where the simulation stands, on one line. */
export function progressLine(
  { virtualMs, events, roundsDone }: RunProgress,
  wallSeconds: number,
  peerCount: number,
  stop: Experiment['stop'],
): string {
  const round = Math.floor(roundsDone / peerCount);
  const parts = [
    stop.rounds === undefined ? `round ${round}` : `round ${round}/${stop.rounds}`,
    `virtual time ${duration(virtualMs / 1000)}`,
    `${quantity(events)} events`,
  ];
  if (wallSeconds > 0) parts.push(`${quantity(events / wallSeconds)} events/s`);
  const done = shareDone(roundsDone / peerCount, virtualMs / 1000, stop);
  if (done > 0 && wallSeconds > 1) parts.push(`${duration((wallSeconds * (1 - done)) / done)} left at most`);
  return parts.join(' · ');
}

/** The greater of rounds and time done, each as a share of what is asked for. */
function shareDone(rounds: number, virtualSeconds: number, stop: Experiment['stop']): number {
  const ofRounds = stop.rounds === undefined ? 0 : rounds / stop.rounds;
  const ofSeconds = stop.seconds === undefined ? 0 : virtualSeconds / stop.seconds;
  return Math.min(1, Math.max(ofRounds, ofSeconds));
}

/** The command that does all of it again, to the same failure. */
export function howToRepeat(
  { experiment, folder }: { readonly experiment: Experiment; readonly folder: string },
  path: string | undefined,
  overrides: readonly string[],
  checkInvariants: boolean,
): string {
  const seeded = overrides.some((override) => override.startsWith('seed='))
    ? overrides
    : [...overrides, `seed=${experiment.seed}`];
  const settings = seeded.map((override) => ` --set ${quoted(override)}`).join('');
  const source = path ?? join(folder, 'experiment.yaml');
  return `seed ${experiment.seed} ended early; it does the same again with: grapevine simulate ${quoted(source)}${settings}${checkInvariants ? ' --check-invariants' : ''} --out ANOTHER_DIR`;
}

/** After the disk was full. */
export function howToGoOn(folder: string): string {
  return `what it has so far is in ${folder}; with room on the disk, go on with it: grapevine simulate --resume ${quoted(folder)}`;
}

/** What it cost here, and what to do next. */
export function closingText(
  folder: string,
  logs: string,
  { endReason, wallSeconds }: RunSummary,
  host: HostFigures,
): string {
  const lines = [
    `${duration(wallSeconds)} of virtual time in ${duration(host.wallSeconds)} here: ${quantity(host.events)} events, ${quantity(host.eventsPerSecond)} a second; ${host.cpuSeconds.toFixed(1)} CPU-s, ${(host.rssBytesMax / 1e6).toFixed(0)} MB.`,
    `record: ${join(folder, 'summary.json')}, ${join(folder, 'report.html')}, ${logs}`,
  ];
  if (endReason === 'interrupted')
    lines.push(`It was stopped. Go on with it: grapevine simulate --resume ${folder}`);
  return lines.join('\n');
}

/** 90 → `1 min 30 s`. */
function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120
    ? `${minutes} min ${Math.round(seconds - 60 * minutes)} s`
    : `${(seconds / 3600).toFixed(1)} h`;
}

function quantity(count: number): string {
  if (count < 10_000) return String(Math.round(count));
  return count < 1e6 ? `${Math.round(count / 1000)} k` : `${(count / 1e6).toFixed(1)} M`;
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w./=,:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
