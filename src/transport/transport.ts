/**
 * The Transport seam: carries bounded frames to named peers and says when it could not.
 * Implementations: libp2p/, memory/; decorators may wrap either. Conformance: test/transport/transport.conformance.ts.
 *
 * Peers are indices into the membership. Contract: a frame is delivered whole, with its digest checked, at most once
 * per send and in order per (sender, receiver) on the stream carrier; or its send settles with a failure. Encryption
 * and authentication are the transport's own and never off: `from` is the proven identity. What may not be assumed: that a
 * settled send was processed by the receiver; order between different senders; that linkDown precedes a failed send.
 * Handlers are called synchronously, never re-entrantly, and must not throw.
 */
import type { Frame, FrameLimits } from '../wire/frame.ts';

export type { Frame, FrameLimits };

/** What each end tells the other in the application handshake. */
export interface Greeting {
  /** SHA-256 of the resolved experiment, of the layout: both must be equal for a link to come up. */
  readonly experimentDigest: string;
  readonly layoutDigest: string;
  /** How many times this peer has started; grows with each restart. */
  readonly incarnation: number;
  /** The round the peer is in. */
  readonly round: number;
}

/** Why something another peer did was refused; counted per reason, never thrown. */
export type TransportRefusal =
  | 'unknown-peer'
  | 'too-many-connections'
  | 'protocol-version'
  | 'experiment-mismatch'
  | 'layout-mismatch'
  | 'bad-greeting'
  | 'identity-in-use'
  | 'frame-magic'
  | 'frame-too-large'
  | 'frame-truncated'
  | 'frame-digest'
  | 'inbound-budget'
  | 'chunk-invalid'
  | 'control-invalid'
  | 'control-too-large'
  | 'control-rate';

export interface TransportHandlers {
  /** The handshake with a neighbour is done; frames can flow both ways. */
  linkUp(peer: number, greeting: Greeting): void;
  linkDown(peer: number, reason: string): void;
  /**
   * A link to a neighbour that this side dials does not come up, for `reason` (plain words, addresses included); it is tried
   * again without end. Told once per neighbour and reason until the link is up. A transport without addresses never calls it.
   */
  unreachable?(peer: number, reason: string): void;
  /** The frame's memory is the receiver's alone from then on: it may write into it. */
  frame(from: number, frame: Frame): void;
  /** A control-plane message (signed gossip); `from` is its originator, not who forwarded it. */
  control(from: number, message: Uint8Array): void;
  refused(from: number | undefined, reason: TransportRefusal, detail: string): void;
}

export interface TransportCounters {
  /** Wire bytes of the data plane, framing included. */
  readonly dataBytesSent: number;
  readonly dataBytesReceived: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Originated here. */
  readonly controlMessagesSent: number;
  /** Passed on for others: one for each mesh neighbour it went to. */
  readonly controlMessagesForwarded: number;
  readonly controlMessagesReceived: number;
  /** Everything that left this peer's sockets, control plane, framing and encryption included, where known. */
  readonly socketBytesSent: number;
}

/** Counters to count with, all at zero. */
export function zeroCounters(): { -readonly [Name in keyof TransportCounters]: number } {
  return {
    dataBytesSent: 0,
    dataBytesReceived: 0,
    framesSent: 0,
    framesReceived: 0,
    controlMessagesSent: 0,
    controlMessagesForwarded: 0,
    controlMessagesReceived: 0,
    socketBytesSent: 0,
  };
}

export type SendOutcome = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Transport {
  /** Starts listening; resolves with the addresses others can dial. */
  start(greeting: Greeting, handlers: TransportHandlers): Promise<readonly string[]>;
  /** Learns where peers listen and keeps links to all neighbours up from now on, re-dialling when one breaks. */
  connect(addresses: ReadonlyMap<number, readonly string[]>): void;
  /** Lets a peer in, or shuts it out: its link is cut, and it is refused from now on. Everybody may be in where absent. */
  admit?(peer: number, isAdmitted: boolean): void;
  /** What later handshakes will say. */
  setRound(round: number): void;
  /** Sends one frame to each peer named; `settled` is called exactly once per peer, asynchronously. */
  send(to: readonly number[], frame: Frame, settled: (peer: number, outcome: SendOutcome) => void): void;
  /** Publishes a small message (≤ 64 KiB) to every peer on the control plane. */
  publish(message: Uint8Array): void;
  counters(): TransportCounters;
  /** Waits for sends under way (bounded), closes links and listeners. */
  stop(): Promise<void>;
}
