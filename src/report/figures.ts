/** How figures are written for people: shares, bytes, seconds. A dash where there is nothing to say. */

export const NOTHING = '–';

/** 0.8756 → `87.6%`. */
export function percent(share: number | null | undefined, digits = 1): string {
  return share === undefined || share === null ? NOTHING : `${(share * 100).toFixed(digits)}%`;
}

/** 2_048_000 → `2.0 MB` (powers of ten). */
export function bytes(count: number | undefined): string {
  if (count === undefined) return NOTHING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let amount = count;
  let unit = 0;
  while (amount >= 999.95 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return unit === 0 ? `${count} B` : `${amount.toFixed(amount < 99.95 ? 1 : 0)} ${units[unit]}`;
}

export function seconds(amount: number | undefined): string {
  if (amount === undefined) return NOTHING;
  if (amount < 120) return `${amount.toFixed(1)} s`;
  const minutes = Math.floor(amount / 60);
  return minutes < 120
    ? `${minutes} min ${Math.round(amount - minutes * 60)} s`
    : `${(amount / 3600).toFixed(1)} h`;
}

/** Four significant digits, plain where that is short. */
export function figure(amount: number | null | undefined): string {
  if (amount === undefined || amount === null) return NOTHING;
  return Number(amount.toPrecision(4)).toString();
}

/** `1 round`, `10 rounds`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
