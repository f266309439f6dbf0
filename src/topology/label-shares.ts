/** Label shares: what share of a silo's samples has each label. Designers that know them bring unlike silos together. */
import { z } from 'zod';
import { InputError } from '../base/errors.ts';

/** labelShares[silo][class], rows sum to 1. */
export type LabelShares = readonly (readonly number[])[];

/** As in a file: a list of rows. */
export const labelSharesSchema = z.array(z.array(z.number()).min(1)).min(1);

/** Throws InputError `label-shares-missing` or `label-shares-invalid`, with the row that is wrong. */
export function requireLabelShares(
  shares: LabelShares | undefined,
  siloCount: number,
  by: string,
): LabelShares {
  if (shares === undefined) {
    throw new InputError(
      'label-shares-missing',
      `overlay ${by} wants the label shares of every silo; give them with --label-shares FILE`,
    );
  }
  const classCount = shares[0]?.length ?? 0;
  const problem = problemOf(shares, siloCount, classCount);
  if (problem !== undefined) throw new InputError('label-shares-invalid', `label shares: ${problem}`);
  return shares;
}

/** Mean over silos: the global shares where silos count alike. */
export function meanShares(shares: LabelShares): number[] {
  return shares[0]!.map((_, label) => shares.reduce((sum, row) => sum + row[label]!, 0) / shares.length);
}

function problemOf(shares: LabelShares, siloCount: number, classCount: number): string | undefined {
  if (shares.length !== siloCount)
    return `got ${shares.length} rows, wanted one for each of ${siloCount} silos`;
  if (classCount === 0) return 'row 0 is empty; wanted a share for each class';
  for (const [silo, row] of shares.entries()) {
    if (row.length !== classCount)
      return `row ${silo} has ${row.length} classes, and row 0 has ${classCount}`;
    const wrong = row.find((share) => !(share >= 0 && share <= 1));
    if (wrong !== undefined) return `row ${silo} holds ${wrong}; wanted shares from 0 to 1`;
    const sum = row.reduce((all, share) => all + share, 0);
    if (Math.abs(sum - 1) > 1e-6) return `row ${silo} sums to ${sum}; wanted 1`;
  }
  return undefined;
}
