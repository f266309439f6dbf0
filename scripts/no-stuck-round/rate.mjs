/** Rounds per second of a peer outside of the deadlines that faults may cost. */

/** `rounds`: [{fromMs, toMs}] of one peer, in order, on the schedule's time. `pardoned`: windows [fromMs, toMs] that do not count. */
export function roundRate(rounds, pardoned) {
  if (rounds.length === 0) return 0;
  const windows = merged(pardoned);
  const isPardoned = (atMs) => windows.some(([fromMs, toMs]) => atMs >= fromMs && atMs < toMs);
  const beganMs = rounds[0].fromMs;
  const endedMs = rounds.at(-1).toMs;
  let pardonedMs = 0;
  for (const [fromMs, toMs] of windows)
    pardonedMs += Math.max(0, Math.min(toMs, endedMs) - Math.max(fromMs, beganMs));
  const countedMs = endedMs - beganMs - pardonedMs;
  const counted = rounds.filter(({ toMs }) => !isPardoned(toMs)).length;
  // Less than a tenth of the run left says nothing about its rate.
  return countedMs < (endedMs - beganMs) / 10 ? undefined : (1000 * counted) / countedMs;
}

/** The longest time between two rounds' ends. */
export function longestPauseMs(rounds) {
  let longestMs = 0;
  for (let at = 1; at < rounds.length; at++)
    longestMs = Math.max(longestMs, rounds[at].toMs - rounds[at - 1].toMs);
  return longestMs;
}

export function windowsAfter(instants, deadlineMs) {
  return instants.map((atMs) => [atMs, atMs + deadlineMs]);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

function merged(windows) {
  const sorted = [...windows].sort(([a], [b]) => a - b);
  const out = [];
  for (const [fromMs, toMs] of sorted) {
    const last = out.at(-1);
    if (last !== undefined && fromMs <= last[1]) last[1] = Math.max(last[1], toMs);
    else out.push([fromMs, toMs]);
  }
  return out;
}
