/** What a peer keeps is bounded: its state never holds more than a fixed number of vectors and entries per neighbour. */
import { columnsOf } from '../../exchange/aggregation.ts';
import type { PeerState } from '../../peer/state.ts';
import type { Invariant } from './invariant.ts';

/** Looked at in every so many steps of a peer. */
const EVERY_STEPS = 32;
/**
 * Vectors of params length: per neighbour what may have come ahead of time, what was sent last and what rules keep of it; the same once
 * for the peer itself. Push-sum, whose sums are f64 (two vectors each), needs three quarters of that.
 */
const VECTORS_MAX = 4;
/** Where its sums travel rounded they have an estimate each (f64), the bytes told last, and those before a turn. */
const ROUNDED_SUM_VECTORS_MAX = 8;
/** Of the exact mean that runs beside the rounds (columns and extremes, f64), per neighbour and for itself; and its sets of peers. */
const SERVICE_VECTORS_MAX = 8;
const SERVICE_PEER_SETS_MAX = 4;
/** Entries of maps, sets and arrays that are not vectors: the sequence numbers that have been seen make most of them. */
const ENTRIES_OWN = 1024;
const ENTRIES_PER_NEIGHBOUR = 512;

interface Kept {
  bytes: number;
  entries: number;
}

export const memory: Invariant = {
  name: 'memory',
  summary: 'a peer keeps a bounded number of vectors and entries per neighbour',
  watch({ peers, violate }) {
    const steps = peers.map(() => 0);
    return {
      onStep(peer, _event, _actions, state, nowMs) {
        steps[peer] = (steps[peer] ?? 0) + 1;
        if ((steps[peer] ?? 0) % EVERY_STEPS !== 0) return;
        const { bytes, entries } = kept(state);
        const neighbours = state.neighbours.size;
        const aheadMax = Math.max(1, ...state.config.context.aheadMax.values());
        const bytesMax =
          vectorsMax(state) * state.params.byteLength * (1 + neighbours * (1 + aheadMax)) +
          serviceBytesMax(state);
        if (bytes > bytesMax)
          violate(nowMs, peer, `it keeps ${bytes} bytes of vectors, allowed are ${bytesMax}`);
        const entriesMax = ENTRIES_OWN + neighbours * ENTRIES_PER_NEIGHBOUR;
        if (entries > entriesMax)
          violate(nowMs, peer, `it keeps ${entries} entries, allowed are ${entriesMax}`);
      },
    };
  },
};

function vectorsMax({ config: { rule } }: PeerState): number {
  return rule.name.startsWith('push-sum+') ? ROUNDED_SUM_VECTORS_MAX : VECTORS_MAX;
}

function serviceBytesMax({ service, neighbours }: PeerState): number {
  if (service === undefined) return 0;
  const { options } = service.aggregation;
  const vectorBytes = Float64Array.BYTES_PER_ELEMENT * (columnsOf(options) + 2 * options.extremes);
  return (
    SERVICE_VECTORS_MAX * vectorBytes * (1 + neighbours.size) + SERVICE_PEER_SETS_MAX * options.peerCount
  );
}

/** What hangs on a peer's state; its configuration apart. */
function kept({ config: _config, ...own }: PeerState): Kept {
  const total: Kept = { bytes: 0, entries: 0 };
  const seen = new Set<object>([_config, _config.context, _config.rule]);
  const waiting: unknown[] = [own];
  const visit = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) waiting.push(value);
  };
  while (waiting.length > 0) {
    const value = waiting.pop() as object;
    if (seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) total.bytes += value.byteLength;
    else {
      const inside = contents(value);
      total.entries += inside.length;
      for (const item of inside) visit(item);
    }
  }
  return total;
}

function contents(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.entries()].flat();
  if (value instanceof Set) return [...value];
  return Object.values(value);
}
