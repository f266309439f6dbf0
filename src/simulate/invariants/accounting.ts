/** Every send is delivered, lost, or refused with a reason: nothing vanishes, and the totals add up. */
import type { Invariant } from './invariant.ts';

export const accounting: Invariant = {
  name: 'accounting',
  summary: 'what was sent is delivered, lost or refused, each with its reason, or still under way at the end',
  watch({ violate }) {
    let sent = 0;
    let decided = 0;
    return {
      onSend(_from, { to }) {
        sent += to.length;
      },
      onFate() {
        decided += 1;
      },
      onEnd({ traffic, endMs }) {
        if (traffic.sent !== sent)
          violate(endMs, undefined, `${sent} were sent, ${traffic.sent} are counted`);
        const counted = traffic.delivered + total(traffic.lost) + total(traffic.refused);
        if (counted !== decided)
          violate(endMs, undefined, `${decided} fates were told, ${counted} are counted`);
        const known = counted + traffic.underWay;
        if (known !== sent + traffic.duplicated)
          violate(
            endMs,
            undefined,
            `${sent} messages and ${traffic.duplicated} duplicates were sent, what became of ${known} is known`,
          );
      },
    };
  },
};

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
