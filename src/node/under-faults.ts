/** The makers of a peer on which a fault schedule is played: its links, its clock and the speed of its training. */
import type { Clock } from '../base/clock.ts';
import { createFaultPlayer } from '../faults/player.ts';
import { RunTime } from '../faults/run-time.ts';
import { skewedClock } from '../faults/skewed-clock.ts';
import { slowTrainer } from '../train/slow-trainer.ts';
import { faultyTransport } from '../transport/faulty.ts';
import type { PeerJob } from './job.ts';
import type { PeerMakers } from './run-peer.ts';

/** The same makers where the job has no faults. The schedule's own time is that of the true clock. */
export function underFaults(makers: PeerMakers, { faults, self }: PeerJob): PeerMakers {
  if (faults === undefined) return makers;
  const { clock } = makers;
  const { schedule, lives, beganAgoMs } = faults;
  const time = new RunTime(clock, beganAgoMs);
  const player = createFaultPlayer(schedule);
  const concerns = (kind: 'clock' | 'slow'): boolean =>
    schedule.faults.some((fault) => fault.kind === kind && fault.peer === self);
  const peerClock: Clock = concerns('clock') ? skewedClock(clock, player, self, time) : clock;
  return {
    ...makers,
    clock: peerClock,
    trainer: async (spec) => {
      const trainer = await makers.trainer(spec);
      return concerns('slow')
        ? slowTrainer(trainer, () => player.slowness(self, time.nowMs), clock)
        : trainer;
    },
    transport: (job, identity, config, bounds, onFault) => {
      const { outNeighbours, inNeighbours } = config.context;
      const neighbours = [...new Set([...outNeighbours, ...inNeighbours])];
      const inner = makers.transport(job, identity, config, bounds, onFault);
      return faultyTransport(inner, { self, neighbours, schedule, lives, time, onFault }, { clock });
    },
  };
}
