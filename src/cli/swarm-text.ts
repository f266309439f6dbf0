/** What `grapevine swarm` tells people while a run goes on and at its end. */
import { join } from 'node:path';
import type { RunSummary } from '../record/index.ts';
import type { Standing } from '../swarm/round-board.ts';

/** Where the run stands, on one line; `roundsMax` absent where the run ends by time or goal. */
export function standingLine(standing: Standing, roundsMax: number | undefined): string {
  const { round, accuracy, consensusDistance, bytesSent, waitedFor } = standing;
  const parts = [roundsMax === undefined ? `round ${round}` : `round ${round}/${roundsMax}`];
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
    const happened = 'What happened: the silos exchanged models, never data, and there was no server.';
    if (together !== undefined) {
      lines.push(
        `${happened} On ${set} they now reach`,
        `  ${percent(together.mean)} on average and ${percent(together.worst)} at worst` +
          `${alone === undefined ? '' : `; each alone reached ${percent(alone.mean)} and ${percent(alone.worst)}`}` +
          `${pooled === undefined ? '' : `; all data in one place would give ${percent(pooled)}`}.`,
      );
    } else {
      lines.push(
        `${happened} Nobody holds test data,`,
        '  so nothing is known of their accuracy: --set data.testShare=0.2 holds some out.',
      );
    }
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
