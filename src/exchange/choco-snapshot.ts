/** What CHOCO keeps for a restart: its own public model and its replicas of the neighbours', with their versions. */
import { bytesOf, type Precision, precisionOf, type Vector } from '../params/layout.ts';
import type { Replica, Version } from './replica.ts';
import { packSnapshot, unpackSnapshot, vectorOf } from './snapshot.ts';

export interface SavedReplica {
  readonly peer: number;
  readonly version: Version;
  readonly round: number;
  readonly vector: Vector;
}

interface Packed {
  readonly replicas: readonly {
    readonly peer: number;
    readonly incarnation: number;
    readonly count: number;
    readonly round: number;
    readonly precision: Precision;
    readonly bytes: Uint8Array;
  }[];
}

/** Replicas that were never heard of are left out. */
export function packChoco(replicas: readonly Replica[]): Uint8Array {
  const packed: Packed = {
    replicas: replicas.flatMap(({ peer, version: { incarnation, count }, round, vector }) =>
      vector === undefined || round < 0
        ? []
        : [{ peer, incarnation, count, round, precision: precisionOf(vector), bytes: bytesOf(vector) }],
    ),
  };
  return packSnapshot({ ...packed });
}

export function unpackChoco(bytes: Uint8Array): SavedReplica[] {
  return unpackSnapshot<Packed>(bytes).replicas.map(
    ({ peer, incarnation, count, round, precision, bytes }) => ({
      peer,
      version: { incarnation, count },
      round,
      vector: vectorOf(precision, bytes.slice()),
    }),
  );
}
