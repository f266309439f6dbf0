/**
 * The underlay: the physical network below a swarm. Nodes (places) joined by links, and silos attached to nodes; or,
 * where only end-to-end figures were measured, silos with a latency and a bandwidth for each ordered pair.
 * Immutable data; files.ts reads it, ../delays.ts turns it into delays.
 */

/** `published`: as a paper or map printed it (mistakes included); `true`: computed from true coordinates. */
export const lengthKinds = ['published', 'true'] as const;
export type LengthKind = (typeof lengthKinds)[number];

export interface UnderlayNode {
  readonly name: string;
  /** Degrees, −90 to 90; both coordinates or none. */
  readonly latitude?: number;
  /** Degrees, −180 to 180. */
  readonly longitude?: number;
}

/** A cable. Both directions have the capacity of their own, unless `directed`. */
export interface UnderlayLink {
  readonly from: number;
  readonly to: number;
  /** Missing: the great circle between the coordinates of the ends. */
  readonly lengthKm?: Partial<Readonly<Record<LengthKind, number>>>;
  /** Missing: the core capacity of the conditions. */
  readonly capacityBps?: number;
  /** Missing: from the length. */
  readonly latencyMs?: number;
}

/** A silo attached to a node. What is missing comes from the conditions, the same for every silo. */
export interface SiloSite {
  readonly name: string;
  readonly node: number;
  readonly upBps?: number;
  readonly downBps?: number;
  /** Of one local step. */
  readonly computeMs?: number;
}

/** What was measured between silos; entry [from, to] at from · siloCount + to, the diagonal ignored. */
export interface Measured {
  readonly latencyMs: Float64Array | Float32Array;
  /** Bits per second; missing: the core capacity of the conditions. */
  readonly bandwidthBps?: Float64Array | Float32Array;
}

export interface Underlay {
  readonly name: string;
  readonly source?: string;
  readonly notes: readonly string[];
  readonly nodes: readonly UnderlayNode[];
  /** Empty with coordinates everywhere: every pair of nodes has a straight cable of its own. */
  readonly links: readonly UnderlayLink[];
  /** True: a link carries from → to only. */
  readonly directed: boolean;
  readonly silos: readonly SiloSite[];
  readonly measured?: Measured;
}
