/**
 * Max–min fair rates of flows that share links, by progressive filling (Bertsekas, Gallager 1992, § 6.5.2): all rates
 * rise together until a link is full; its flows keep what they have, the others go on. Links are each silo's access up
 * and down, and the directed core links on each flow's way.
 */
import { type Expired, neverExpired, requireTime, seldom } from './deadline.ts';
import type { Arc } from './overlay.ts';

/** Where flows go in the core. Directed links: each direction of a cable is one. */
export interface Routes {
  /** [directed link], bits per second. */
  readonly capacityBps: Float64Array;
  /** Directed links on the way, in order. */
  linksOf(from: number, to: number): readonly number[];
}

/** Access capacities, bits per second. [siloCount] each */
export interface AccessLinks {
  readonly upBps: Float64Array;
  readonly downBps: Float64Array;
}

const waysPerQuestion = 10_000;

/** Bits per second of each arc, all at once. Throws OperatingError `time-limit` where `expired` says so first. */
export function fairRatesBps(
  access: AccessLinks,
  routes: Routes,
  arcs: readonly Arc[],
  expired: Expired = neverExpired,
): Float64Array {
  const siloCount = access.upBps.length;
  const coreStart = 2 * siloCount;
  const isUp = seldom(expired, waysPerQuestion);
  const ways = arcs.map(([from, to]) => {
    requireTime(isUp, 'the rates of arcs that share links');
    return [from, siloCount + to, ...routes.linksOf(from, to).map((link) => coreStart + link)];
  });
  const room = Float64Array.from([...access.upBps, ...access.downBps, ...routes.capacityBps]);
  return filled(ways, room, expired);
}

function filled(ways: readonly (readonly number[])[], room: Float64Array, expired: Expired): Float64Array {
  const flowsOn: number[][] = Array.from(room, () => []);
  ways.forEach((way, flow) => {
    for (const link of way) flowsOn[link]!.push(flow);
  });
  const rising = Int32Array.from(flowsOn, (flows) => flows.length);
  const rates = new Float64Array(ways.length).fill(-1);
  const open = new Set(Array.from(room.keys()).filter((link) => rising[link]! > 0));
  while (open.size > 0) {
    requireTime(expired, 'the rates of arcs that share links');
    let full = -1;
    for (const link of open) {
      if (full < 0 || room[link]! / rising[link]! < room[full]! / rising[full]!) full = link;
    }
    const rate = room[full]! / rising[full]!;
    for (const flow of flowsOn[full]!) {
      if (rates[flow]! >= 0) continue;
      rates[flow] = rate;
      for (const link of ways[flow]!) {
        room[link] = Math.max(0, room[link]! - rate);
        rising[link] = rising[link]! - 1;
        if (rising[link] === 0) open.delete(link);
      }
    }
  }
  return rates;
}
