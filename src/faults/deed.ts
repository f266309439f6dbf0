/** What a schedule does to peers and links at an instant. */

/** Both ends of the link are told. */
export interface CutDeed {
  readonly kind: 'cut' | 'heal';
  /** The lower index first. */
  readonly between: readonly [number, number];
  readonly atMs: number;
}

export interface PeerDeed {
  readonly kind: 'crash' | 'start' | 'pause' | 'resume' | 'leave';
  /** Of a crash or a pause: nothing will undo it. */
  readonly forGood?: true;
  readonly peer: number;
  readonly atMs: number;
}

export type Deed = PeerDeed | CutDeed;

/** What records and summaries call it, in every driver: a peer that starts again has restarted. */
export function faultOf({ kind }: Deed): string {
  return kind === 'start' ? 'restart' : kind;
}
