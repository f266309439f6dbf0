/** What `grapevine swarm` tells people while a run goes on and at its end. */
import { join } from 'node:path';
import type { RunSummary } from '../record/index.ts';
import type { Standing } from '../swarm/round-board.ts';

/** Where the run stands, on one line. */
export function standingLine({
  round,
  rounds,
  accuracy,
  consensusDistance,
  bytesSent,
  waitedFor,
}: Standing): string {
  const parts = [`round ${round}/${rounds}`];
  if (accuracy !== undefined) {
    parts.push(`accuracy ${percent(accuracy.mean)} mean, ${percent(accuracy.worst)} worst`);
  }
  if (consensusDistance !== undefined) parts.push(`distance ${consensusDistance.toPrecision(2)}`);
  parts.push(`${(bytesSent / 1e6).toFixed(1)} MB sent`);
  if (waitedFor.length > 0)
    parts.push(`waiting for ${waitedFor.slice(0, 3).join(', ')}${waitedFor.length > 3 ? ' …' : ''}`);
  return parts.join(' · ');
}

export function howToResume(folder: string): string {
  return `Go on with it: grapevine swarm --resume ${folder}`;
}

/** What happened and what to try next. */
export function closingLines(folder: string, { accuracy, endReason, peers }: RunSummary): string {
  const lost = peers.filter(({ paramsSha256 }) => paramsSha256 === '').map(({ name }) => name);
  const lines =
    lost.length === 0 ? [] : [`${lost.join(', ')} died and took no part in the end. ${howToResume(folder)}`];
  if (endReason === 'interrupted') {
    lines.push(`The run was stopped. ${howToResume(folder)}`);
  } else {
    const { alone, together, pooled } = accuracy;
    const set = accuracy.set === 'global' ? "everybody's test data" : "each silo's own test data";
    lines.push(
      `What happened: the silos exchanged models, never data, and there was no server. On ${set} they now reach`,
    );
    lines.push(
      `  ${percent(together.mean)} on average and ${percent(together.worst)} at worst` +
        `${alone === undefined ? '' : `; each alone reached ${percent(alone.mean)} and ${percent(alone.worst)}`}` +
        `${pooled === undefined ? '' : `; all data in one place would give ${percent(pooled)}`}.`,
    );
    lines.push('What to try next:');
    lines.push(`  open ${join(folder, 'report.html')}                  the run as a page, with its curves`);
    lines.push(
      '  grapevine swarm … --set topology.kind=ring         another graph; --set data.partition.alpha=0.1 for more skew',
    );
    lines.push(
      '  grapevine swarm topologies/penguins-by-island.yaml   silos by nature: three islands, three species',
    );
    lines.push(
      '  README.md, "Your own data"                          one process per silo with grapevine peer',
    );
  }
  return lines.join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
