/** A message between encoding (wire/) and carrying (transport/): a small head and a body of raw tensor bytes. */
export interface Frame {
  readonly head: Uint8Array;
  /** Outgoing: any number of pieces, read until the send settles, never changed. Incoming: exactly one piece, aligned to 8 bytes. */
  readonly body: readonly Uint8Array[];
}

export interface FrameLimits {
  readonly headBytesMax: number;
  readonly bodyBytesMax: number;
}
