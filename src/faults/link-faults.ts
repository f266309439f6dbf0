/**
 * What becomes of each message under a schedule: faults by arc, found when the arc is first used, since most arcs of a large network
 * meet none, or all meet the same. Draws are named by (fault, sender, receiver, sender's life, number of the message, copy).
 */
import { type NamedDraws, namedDraws } from '../base/random.ts';
import type { BandwidthFault, Fault, FaultSchedule, LinkFault, PartitionFault } from './fault.ts';
import { type ArcTest, arcTest, isIn } from './selection.ts';

/** What becomes of one message. */
export type Fate =
  | { readonly kind: 'lost'; readonly reason: 'loss' | 'partition' }
  /** It arrives once per copy. */
  | { readonly kind: 'delivered'; readonly copies: readonly Copy[] };

export interface Copy {
  /** Beside what the link itself takes. */
  readonly extraDelayMs: number;
  readonly corrupted: boolean;
  /** May overtake and be overtaken: the order of the link does not hold for it. */
  readonly reordered: boolean;
}

const CLEAN_COPY: Copy = Object.freeze({ extraDelayMs: 0, corrupted: false, reordered: false });
const CLEAN: Fate = Object.freeze({ kind: 'delivered', copies: Object.freeze([CLEAN_COPY]) });
const LOST: Fate = Object.freeze({ kind: 'lost', reason: 'loss' });
const CUT: Fate = Object.freeze({ kind: 'lost', reason: 'partition' });

interface Indexed {
  readonly fault: LinkFault;
  readonly arc: ArcTest;
  readonly draws: NamedDraws;
}

/** What is known of one arc: which faults may touch it, and how many messages its sender has sent in this life. */
interface ArcState {
  readonly faults: readonly Indexed[];
  sent: number;
}

export class LinkFaults {
  readonly #faults: readonly Indexed[];
  readonly #bandwidth: readonly { readonly fault: BandwidthFault; readonly arc: ArcTest }[];
  readonly #arcs: (Map<number, ArcState> | undefined)[] = [];
  readonly #lives: Map<number, number>;

  constructor({ seed, faults }: FaultSchedule, lives: ReadonlyMap<number, number>) {
    this.#faults = faults.flatMap((fault, index): Indexed[] => {
      if (!isLinkFault(fault) || fault.kind === 'bandwidth') return [];
      const stream = fault.kind === 'partition' ? index : (fault.stream ?? index);
      return [{ fault, arc: arcTest(fault), draws: namedDraws(seed, 'fault', stream) }];
    });
    this.#bandwidth = faults.flatMap((fault) =>
      fault.kind === 'bandwidth' ? [{ fault, arc: arcTest(fault) }] : [],
    );
    this.#lives = new Map(lives);
  }

  fate(from: number, to: number, nowMs: number): Fate {
    if (this.#faults.length === 0) return CLEAN;
    const arc = this.#arc(from, to);
    const message: Message = { from, to, life: this.#lives.get(from) ?? 0, number: arc.sent++ };
    return fateOf(message, arc.faults, nowMs);
  }

  restarted(peer: number): void {
    this.#arcs[peer] = undefined;
    this.#lives.set(peer, (this.#lives.get(peer) ?? 0) + 1);
  }

  bandwidthFactor(from: number, to: number, nowMs: number): number {
    let factor = 1;
    for (const { fault, arc } of this.#bandwidth) {
      if (isIn(fault, nowMs) && arc.from(from) && arc.to(to)) factor *= fault.factor;
    }
    return factor;
  }

  #arc(from: number, to: number): ArcState {
    let known = this.#arcs[from];
    if (known === undefined) {
      known = new Map();
      this.#arcs[from] = known;
    }
    let arc = known.get(to);
    if (arc === undefined) {
      const faults = this.#faults.filter((one) => touches(one, from, to));
      arc = { faults: faults.length === this.#faults.length ? this.#faults : faults, sent: 0 };
      known.set(to, arc);
    }
    return arc;
  }
}

const linkKinds: ReadonlySet<string> = new Set<LinkFault['kind']>([
  'loss',
  'duplicate',
  'corrupt',
  'reorder',
  'delay',
  'bandwidth',
  'partition',
]);

export function isLinkFault(fault: Fault): fault is LinkFault {
  return linkKinds.has(fault.kind);
}

function touches({ fault, arc }: Indexed, from: number, to: number): boolean {
  if (arc.from(from) && arc.to(to)) return true;
  return fault.kind === 'partition' && cutsBothWays(fault) && arc.from(to) && arc.to(from);
}

/** A link whose ends are told is down for both: TCP needs both ways. */
function cutsBothWays({ symmetric, silent }: PartitionFault): boolean {
  return symmetric || !silent;
}

interface Message {
  readonly from: number;
  readonly to: number;
  readonly life: number;
  readonly number: number;
}

/** Draw 0 belongs to the message; those of its copies follow, two each. */
function draw({ draws }: Indexed, { from, to, life, number }: Message, which: number): number {
  return draws(from, to, life, number, which);
}

function fateOf(message: Message, faults: readonly Indexed[], nowMs: number): Fate {
  let copies = 1;
  let extraMs = 0;
  let isLost = false;
  let isTouched = false;
  for (const one of faults) {
    const { fault } = one;
    if (!isIn(fault, nowMs)) continue;
    if (fault.kind === 'partition') return CUT;
    if (fault.kind === 'loss') {
      isLost ||= draw(one, message, 0) < fault.probability;
      continue;
    }
    isTouched = true;
    if (fault.kind === 'delay') extraMs += fault.extraMs + (fault.jitterMs ?? 0) * draw(one, message, 0);
    if (fault.kind === 'duplicate' && draw(one, message, 0) < fault.probability) copies += 1;
  }
  if (isLost) return LOST;
  if (!isTouched) return CLEAN;
  const inForce = faults.filter(({ fault }) => isIn(fault, nowMs));
  return {
    kind: 'delivered',
    copies: Array.from({ length: copies }, (_, copy) => copyOf(message, inForce, copy, extraMs)),
  };
}

function copyOf(message: Message, inForce: readonly Indexed[], copy: number, extraMs: number): Copy {
  let extraDelayMs = extraMs;
  let corrupted = false;
  let reordered = false;
  for (const one of inForce) {
    const { fault } = one;
    if (fault.kind === 'corrupt') corrupted ||= draw(one, message, 2 * copy + 1) < fault.probability;
    if (fault.kind !== 'reorder' || draw(one, message, 2 * copy + 1) >= fault.probability) continue;
    reordered = true;
    extraDelayMs += fault.byMs * draw(one, message, 2 * copy + 2);
  }
  return { extraDelayMs, corrupted, reordered };
}
