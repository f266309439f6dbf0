/** What a peer knows about itself and its neighbours. Used linearly: `step` changes it in place. */
import type { Vector } from '../params/layout.ts';
import type { Agreement } from '../wire/agreement.ts';
import type { PeerMessage } from '../wire/message.ts';
import type { PeerConfig } from './machine.ts';
import { Sequences } from './sequences.ts';
import type { Service } from './service.ts';

/** A link can break when this peer has gone on to the next round and its message of the last one is still under way. */
const SENT_MAX = 2;

export interface Neighbour {
  readonly peer: number;
  /** Whether this peer mixes what the neighbour sends. */
  readonly isIn: boolean;
  up: boolean;
  /** It said goodbye, and has not come back. */
  left: boolean;
  /** The latest incarnation heard of. */
  incarnation: number;
  /** Those received in that incarnation. */
  readonly sequences: Sequences;
  /** When it was given this peer's state, first of the last times; undefined if never in that incarnation. */
  answeredMs: number | undefined;
  /** How often since then. */
  answers: number;
  /** The last round that this peer did with the neighbour in step with it; of this life. */
  inStepRound: number;
  /** The last SENT_MAX of this peer's rounds' messages to it, oldest first, for when it comes back; of synchronous rules only. */
  readonly sent: SentMessage[];
}

interface SentMessage {
  readonly sequence: number;
  readonly round: number;
  readonly message: PeerMessage;
  /** Sent once more, after it failed on a link that stayed up. */
  retried: boolean;
  /** How often it was sent again because the neighbour asked. */
  askedFor: number;
}

/** A request for state under way. */
export interface Pull {
  /** Where somebody was: the reason to ask. */
  readonly seenRound: number;
  readonly asked: Set<number>;
  readonly answers: Map<number, StateAnswer>;
  /** The answers to the first question, once those who gave them were asked anew. */
  before?: ReadonlyMap<number, StateAnswer>;
  /** How often those that did not answer were asked again. */
  repeats: number;
  /** Nothing more is adopted until the next request. */
  decided: boolean;
}

export interface StateAnswer {
  readonly peer: number;
  readonly round: number;
  /** At the start of `round`. */
  readonly params: Vector;
}

export interface PeerState {
  readonly config: PeerConfig;
  /** `finished`: its rounds are over. */
  phase: 'new' | 'gathering' | 'running' | 'finished';
  /** It has gathered long enough for who is missing, but nobody was there. */
  alone: boolean;
  /** It has said goodbye, and hands over what others are to have. */
  leaving: boolean;
  /** It has asked its driver to end it. */
  done: boolean;
  /** What is aggregated beside the rounds; undefined before anybody begins with it. */
  service: Service | undefined;
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
  /** What the training under way started from. */
  trainingFrom: Vector;
  /** Trainings in a row that came to params that are not finite. */
  divergedInRow: number;
  note: { beganMs: number; trainMs: number; loss: number; gradientSquaredNorm: number };
  /** Asked the neighbours for their state not long ago. */
  pulling: Pull | undefined;
  /** Where somebody was, when this peer saw in the middle of its training that it is behind. */
  behindRound: number | undefined;
  readonly neighbours: Map<number, Neighbour>;
  /** Peers known to have reached the goal. */
  readonly reached: Set<number>;
  /** What it tells others of the goal, as last put together; undefined since something has changed. */
  agreement: Agreement | undefined;
  /** The round that the peers have agreed to stop at; Infinity while there is none. */
  stopAt: number;
}

export function createPeer(config: PeerConfig): PeerState {
  const { inNeighbours, outNeighbours } = config.context;
  const heard = new Set(inNeighbours);
  const peers = [...new Set([...inNeighbours, ...outNeighbours])].sort((a, b) => a - b);
  return {
    config,
    phase: 'new',
    alone: false,
    leaving: false,
    done: false,
    service: undefined,
    incarnation: 0,
    events: 0,
    round: 0,
    params: new Float32Array(0),
    ruleState: config.rule.init(config.context, 0),
    nextSequence: 0,
    nextToken: 0,
    awaitedToken: undefined,
    trainAskedMs: 0,
    trainingFrom: new Float32Array(0),
    divergedInRow: 0,
    note: { beganMs: 0, trainMs: 0, loss: Number.NaN, gradientSquaredNorm: Number.NaN },
    pulling: undefined,
    behindRound: undefined,
    neighbours: new Map(peers.map((peer) => [peer, createNeighbour(peer, heard.has(peer))])),
    reached: new Set(),
    agreement: undefined,
    stopAt: Number.POSITIVE_INFINITY,
  };
}

function createNeighbour(peer: number, isIn: boolean): Neighbour {
  return {
    peer,
    isIn,
    up: false,
    left: false,
    incarnation: 0,
    sequences: new Sequences(),
    answeredMs: undefined,
    answers: 0,
    inStepRound: 0,
    sent: [],
  };
}

/** What the handshake says is the truth, even a lower number: a peer that lost its disk counts from one again. */
export function meetIncarnation(neighbour: Neighbour, incarnation: number): void {
  if (incarnation === neighbour.incarnation) return;
  neighbour.incarnation = incarnation;
  neighbour.sequences.clear();
  neighbour.answeredMs = undefined;
}

/** Whether (incarnation, sequence) is new from this neighbour; remembers it. */
export function firstTime(neighbour: Neighbour, incarnation: number, sequence: number): boolean {
  if (incarnation < neighbour.incarnation) return false;
  meetIncarnation(neighbour, incarnation);
  return neighbour.sequences.take(sequence);
}

/** Keeps what was sent to a neighbour, for when it comes back. */
export function keepSent({ sent }: Neighbour, message: SentMessage): void {
  sent.push(message);
  if (sent.length > SENT_MAX) sent.shift();
}
