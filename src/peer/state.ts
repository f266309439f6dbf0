/** What a peer knows about itself and its neighbours. Used linearly: `step` changes it in place. */
import type { Vector } from '../params/layout.ts';
import type { PeerMessage } from '../wire/message.ts';
import type { PeerConfig } from './machine.ts';

/** Sequence numbers remembered per neighbour, to tell duplicates. */
const SEQUENCES_MAX = 256;
/** A link can break when this peer has gone on to the next round and its message of the last one is still under way. */
export const SENT_MAX = 2;

export interface Neighbour {
  readonly peer: number;
  up: boolean;
  /** The latest incarnation heard of. */
  incarnation: number;
  /** Sequences received in that incarnation, the last SEQUENCES_MAX of them. */
  readonly sequences: Set<number>;
  /** The highest sequence forgotten: anything up to it counts as a duplicate. */
  forgottenMax: number;
  /** When it was last given this peer's state; undefined if never in that incarnation. */
  answeredMs: number | undefined;
  /** The last SENT_MAX of this peer's rounds' messages to it, oldest first, for when it comes back. */
  sent: readonly SentMessage[];
}

interface SentMessage {
  readonly sequence: number;
  readonly round: number;
  readonly message: PeerMessage;
  /** Sent once more, after it failed on a link that stayed up. */
  retried: boolean;
}

export interface PeerState {
  readonly config: PeerConfig;
  phase: 'new' | 'gathering' | 'running' | 'finished';
  incarnation: number;
  /** Events stepped through in this incarnation. */
  events: number;
  round: number;
  /** Params at the start of `round`. */
  params: Vector;
  ruleState: unknown;
  nextSequence: number;
  nextToken: number;
  /** The token of the training whose result counts. */
  awaitedToken: number | undefined;
  trainAskedMs: number;
  note: { beganMs: number; trainMs: number; loss: number; gradientSquaredNorm: number };
  /** Asked the neighbours for their state and not yet heard. */
  pulling: boolean;
  /** Where somebody was, when this peer saw in the middle of its training that it is behind. */
  behindRound: number | undefined;
  readonly neighbours: Map<number, Neighbour>;
  /** Peers known to have reached the goal. */
  readonly reached: Set<number>;
  /** The round that the peers have agreed to stop at; Infinity while there is none. */
  stopAt: number;
}

export function createPeer(config: PeerConfig): PeerState {
  const { inNeighbours, outNeighbours } = config.context;
  const peers = [...new Set([...inNeighbours, ...outNeighbours])].sort((a, b) => a - b);
  return {
    config,
    phase: 'new',
    incarnation: 0,
    events: 0,
    round: 0,
    params: new Float32Array(0),
    ruleState: config.rule.init(config.context, 0),
    nextSequence: 0,
    nextToken: 0,
    awaitedToken: undefined,
    trainAskedMs: 0,
    note: { beganMs: 0, trainMs: 0, loss: Number.NaN, gradientSquaredNorm: Number.NaN },
    pulling: false,
    behindRound: undefined,
    neighbours: new Map(peers.map((peer) => [peer, createNeighbour(peer)])),
    reached: new Set(),
    stopAt: Number.POSITIVE_INFINITY,
  };
}

function createNeighbour(peer: number): Neighbour {
  return {
    peer,
    up: false,
    incarnation: 0,
    sequences: new Set(),
    forgottenMax: -1,
    answeredMs: undefined,
    sent: [],
  };
}

/** What the handshake says is the truth, even a lower number: a peer that lost its disk counts from one again. */
export function meetIncarnation(neighbour: Neighbour, incarnation: number): void {
  if (incarnation === neighbour.incarnation) return;
  neighbour.incarnation = incarnation;
  neighbour.sequences.clear();
  neighbour.forgottenMax = -1;
  neighbour.answeredMs = undefined;
}

/** Whether (incarnation, sequence) is new from this neighbour; remembers it. */
export function firstTime(neighbour: Neighbour, incarnation: number, sequence: number): boolean {
  if (incarnation < neighbour.incarnation) return false;
  meetIncarnation(neighbour, incarnation);
  if (sequence <= neighbour.forgottenMax || neighbour.sequences.has(sequence)) return false;
  neighbour.sequences.add(sequence);
  if (neighbour.sequences.size > SEQUENCES_MAX) {
    let least = Number.POSITIVE_INFINITY;
    for (const seen of neighbour.sequences) if (seen < least) least = seen;
    neighbour.sequences.delete(least);
    neighbour.forgottenMax = least;
  }
  return true;
}
