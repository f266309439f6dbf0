/** How a deed of the fault schedule is done to a peer that is a process: by kill, start, stop and continue. */
import { faultOf, type PeerDeed } from '../faults/deed.ts';
import type { PeerReport } from '../node/run-peer.ts';
import type { Child } from './launcher.ts';

/** What of a swarm's member the schedule deals with. */
export interface MemberUnderFaults {
  readonly name: string;
  child: Child | undefined;
  readonly report: PeerReport | undefined;
  readonly lost: boolean;
  /** Why it is away by plan, if it is. */
  away: 'joins late' | 'crashed' | 'starts again' | 'crashed for good' | 'paused' | 'leaving' | undefined;
  /** How often the schedule has started it again. */
  lives: number;
  /** What the schedule has done to it, by kind. */
  readonly faults: Record<string, number>;
}

export interface DeedEffects {
  /** One line for people. */
  readonly tell: (text: string) => void;
  /** Starts the process again from its newest checkpoint, as soon as the old one is gone. */
  readonly startAgain: () => void;
  /** It will not come back. */
  readonly giveUp: () => void;
}

/** A peer that has done its work, or is gone, is past all faults. */
export function perform(deed: PeerDeed, member: MemberUnderFaults, effects: DeedEffects): void {
  const { kind, forGood } = deed;
  const { name, child } = member;
  if (member.report !== undefined || member.lost) return;
  count(member, faultOf(deed));
  switch (kind) {
    case 'crash':
      member.away = forGood === true ? 'crashed for good' : 'crashed';
      effects.tell(`${name} is killed by the fault schedule`);
      if (child !== undefined) child.kill();
      else if (forGood === true) effects.giveUp();
      return;
    case 'start':
      // Its old process may not be gone yet.
      member.away = 'starts again';
      member.lives += 1;
      effects.tell(`${name} is started again by the fault schedule`);
      return effects.startAgain();
    case 'pause':
      if (member.away === 'starts again') return;
      member.away = 'paused';
      effects.tell(`${name} is stopped by the fault schedule`);
      child?.pause();
      return forGood === true ? effects.giveUp() : undefined;
    case 'resume':
      if (member.away !== 'paused') return;
      member.away = undefined;
      effects.tell(`${name} goes on`);
      child?.resume();
      // It could not write this down before.
      for (const fault of ['pause', 'resume']) child?.send({ kind: 'fault', fault });
      return;
    case 'leave':
      if (member.away === 'starts again') return effects.giveUp();
      member.away = 'leaving';
      effects.tell(`${name} leaves by the fault schedule`);
      child?.send({ kind: 'fault', fault: 'leave' });
      child?.send({ kind: 'stop', reason: 'the fault schedule lets it leave' });
  }
}

export function count({ faults }: Pick<MemberUnderFaults, 'faults'>, kind: string): void {
  faults[kind] = (faults[kind] ?? 0) + 1;
}
