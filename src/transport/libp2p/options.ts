/** What a libp2p transport is told: who it is, who its neighbours are, and its bounds. */
import type { Clock } from '../../base/clock.ts';
import type { ControlRate } from '../control-rate.ts';
import type { FrameLimits } from '../transport.ts';

export interface TransportMember {
  readonly name: string;
  /** Base58 libp2p peer id, derived from the member's Ed25519 public key. */
  readonly peerId: string;
}

export interface Libp2pTransportOptions {
  /** This peer's index in `members`. */
  readonly self: number;
  readonly members: readonly TransportMember[];
  /** Raw Ed25519 seed, 32 bytes. */
  readonly privateKeySeed: Uint8Array;
  /** Peers this one sends models to, and hears from; links exist to the union. */
  readonly outNeighbours: readonly number[];
  readonly inNeighbours: readonly number[];
  readonly carrier: 'stream' | 'gossip';
  readonly limits: FrameLimits;
  /** Multiaddrs; default `/ip4/127.0.0.1/tcp/0`. */
  readonly listen?: readonly string[];
  /** Multiaddrs others are told instead of the listening ones. */
  readonly announce?: readonly string[];
  /** Whether this peer dials the neighbour; default: the lower peer id (as a string) dials. */
  readonly dials?: (peer: number) => boolean;
  /** Frames being received at one time, all neighbours together; default: one of the largest from each of them. */
  readonly inboundBytesMax?: number;
  /** Frames waiting for one neighbour. */
  readonly queueFramesMax?: number;
  /** Control messages that each member may send; default: DEFAULT_CONTROL_RATE. */
  readonly controlRate?: ControlRate;
  readonly timing?: Partial<LinkTiming>;
}

/** All in milliseconds. */
export interface LinkTiming {
  /** From the dial to both connections up; also how long an unclaimed inbound connection lives. */
  readonly handshakeMsMax: number;
  readonly heartbeatMs: number;
  /** Nothing heard on the control stream for this long: the link is down. */
  readonly silenceMsMax: number;
  /** A frame under way that does not advance for this long is given up. */
  readonly stallMsMax: number;
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
  /** How long the holder of an identity has to prove it is alive when another one claims it. */
  readonly probeMsMax: number;
  /** How long stop() waits for sends under way. */
  readonly flushMsMax: number;
}

export const DEFAULT_TIMING: LinkTiming = {
  handshakeMsMax: 15_000,
  heartbeatMs: 10_000,
  silenceMsMax: 45_000,
  stallMsMax: 30_000,
  backoffMsMin: 100,
  backoffMsMax: 15_000,
  probeMsMax: 2_000,
  flushMsMax: 3_000,
};

/** A link is two; more while an old one is being replaced. Beyond it one neighbour would crowd out the others. */
export const CONNECTIONS_PER_PEER_MAX = 8;
export const QUEUE_FRAMES_MAX = 64;
export const CONTROL_BYTES_MAX = 64 * 1024;

export interface TransportDependencies {
  readonly clock: Clock;
}
