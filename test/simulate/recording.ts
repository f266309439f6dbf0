/** A simulation, every invariant on, with everything that it said kept in memory, by peer. */
import type { Vector } from '../../src/params/layout.ts';
import { type LogLine, logged } from '../../src/peer/log.ts';
import type { AggregateReport, RoundNote } from '../../src/peer/machine.ts';
import type {
  LinkTable,
  SimulatedCheckpoint,
  SimulatedPeer,
  SimulationOptions,
  SimulationResult,
} from '../../src/simulate/index.ts';
import { simulateWatched } from './watched.ts';

export interface RecordedResult {
  readonly round: number;
  readonly params: Vector;
  readonly notes: RoundNote[];
  readonly log: LogLine[];
  readonly refusals: Record<string, number>;
  readonly notices: Record<string, number>;
  readonly aggregated: AggregateReport[];
  /** By round. */
  readonly checkpoints: Map<number, SimulatedCheckpoint>;
}

/** Links that take time and nothing else. */
export function delays(delayMs: (from: number, to: number) => number): LinkTable {
  const unlimited = () => Number.POSITIVE_INFINITY;
  return {
    delayMs,
    jitterMs: () => 0,
    arcMbps: unlimited,
    upMbps: unlimited,
    downMbps: unlimited,
    queueBytesMax: Number.POSITIVE_INFINITY,
    isPlain: true,
  };
}

/** In the order of the peers. */
export async function simulateRecorded(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions = {},
): Promise<readonly RecordedResult[]> {
  return (await simulateWhole(peers, options)).recorded;
}

export async function simulateWhole(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions = {},
): Promise<{ readonly recorded: readonly RecordedResult[]; readonly result: SimulationResult }> {
  const kept = peers.map(() => ({
    notes: [] as RoundNote[],
    log: [] as LogLine[],
    refusals: {} as Record<string, number>,
    notices: {} as Record<string, number>,
    aggregated: [] as AggregateReport[],
    checkpoints: new Map<number, SimulatedCheckpoint>(),
  }));
  const result = await simulateWatched(peers, {
    ...options,
    observer: {
      onStep: (peer, event, _actions, _state, _nowMs, localMs) =>
        kept[peer]!.log.push({ nowMs: localMs, event: logged(event) }),
      onRecord: (peer, note) => kept[peer]!.notes.push(note),
      onRefuse: (peer, { reason }) => bump(kept[peer]!.refusals, reason),
      onNotice: (peer, { what }) => bump(kept[peer]!.notices, what),
      onAggregated: (peer, report) => kept[peer]!.aggregated.push(report),
      onPersist: (peer, checkpoint) => kept[peer]!.checkpoints.set(checkpoint.round, checkpoint),
    },
  });
  const recorded = result.peers.map(({ round, params }, peer) => ({ round, params, ...kept[peer]! }));
  return { recorded, result };
}

function bump(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
