/** The arcs of one random round, by what the overlay's timing says of them (overlay.ts, RoundDraw). */
import type { Random } from '../base/random.ts';
import type { Arc, Overlay, RoundDraw } from './overlay.ts';

export function drawnRound(
  draw: RoundDraw,
  { nodes, schedule = [] }: Pick<Overlay, 'nodes' | 'schedule'>,
  random: Random,
): readonly Arc[] {
  switch (draw.kind) {
    case 'groups':
      return draw.groups.flatMap(({ chance, arcs }) => (random.uniform() < chance ? arcs : []));
    case 'circle':
      return circleArcs(nodes.length, draw.fanout, random);
    case 'phases':
      return schedule.length === 0 ? [] : schedule[random.integer(schedule.length)]!;
  }
}

/** Each silo sends along `fanout` distances on a random circle: regular both ways, no loop, no arc twice. */
export function circleArcs(siloCount: number, fanout: number, random: Random): Arc[] {
  const circle = random.shuffle(Int32Array.from({ length: siloCount }, (_, silo) => silo));
  const distances = random.shuffle(Int32Array.from({ length: siloCount - 1 }, (_, index) => index + 1));
  return Array.from(distances.subarray(0, fanout)).flatMap((distance) =>
    Array.from(circle, (silo, place): Arc => [silo, circle[(place + distance) % siloCount]!]),
  );
}
