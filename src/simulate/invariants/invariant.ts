/**
 * What must hold at every instant of a simulation, whatever goes wrong. An invariant watches as an observer; what it sees broken ends
 * the simulation with `invariant-violated`. One file each, one line in index.ts.
 */
import { OperatingError } from '../../base/errors.ts';
import type { PeerConfig } from '../../peer/machine.ts';
import type { SimulationObserver } from '../observer.ts';

export interface InvariantContext {
  readonly peers: readonly PeerConfig[];
  /** A live peer that can act completes a round, catches up or finishes at least this often, in virtual milliseconds; Infinity: sometime. */
  readonly stallMsMax: number;
  /** Throws `invariant-violated`. */
  violate(nowMs: number, peer: number | undefined, what: string): never;
}

export interface Invariant {
  readonly name: string;
  /** One line for people: what must hold. */
  readonly summary: string;
  /** Undefined where it says nothing about these peers (another exchange rule). */
  watch(context: InvariantContext): SimulationObserver | undefined;
}

export class InvariantViolation extends OperatingError<'invariant-violated'> {
  readonly invariant: string;

  constructor({ name, summary }: Invariant, nowMs: number, peer: number | undefined, what: string) {
    const where = peer === undefined ? '' : ` at peer ${peer}`;
    super('invariant-violated', `${name}${where}, ${nowMs} ms: ${what}. It must hold that ${summary}`, {
      invariant: name,
      nowMs,
      ...(peer === undefined ? {} : { peer }),
    });
    this.name = 'InvariantViolation';
    this.invariant = name;
  }
}
