/** Whoever is alive goes on: it completes a round, catches up or finishes within `stallMsMax`, and nobody is left waiting at the end. */
import type { Invariant } from './invariant.ts';

interface Standing {
  alive: boolean;
  paused: boolean;
  finished: boolean;
  round: number;
  lastMs: number;
}

export const progress: Invariant = {
  name: 'progress',
  summary: 'a live peer never stands still for longer than its deadlines allow',
  watch({ peers, stallMsMax, violate }) {
    const standings: Standing[] = peers.map(() => ({
      alive: false,
      paused: false,
      finished: false,
      round: 0,
      lastMs: 0,
    }));
    let lookAgainMs = stallMsMax;
    const look = (nowMs: number): void => {
      for (const [peer, { alive, paused, finished, lastMs, round }] of standings.entries()) {
        if (!alive || paused || finished || nowMs - lastMs <= stallMsMax) continue;
        violate(nowMs, peer, `it has been in round ${round} since ${lastMs} ms`);
      }
      lookAgainMs = nowMs + stallMsMax / 8;
    };
    const moved = (peer: number, nowMs: number, change: Partial<Standing> = {}): void => {
      Object.assign(standings[peer] as Standing, { lastMs: nowMs, ...change });
    };
    return {
      onStep(peer, event, actions, state, nowMs) {
        if (event.kind === 'start') moved(peer, nowMs, { alive: true, finished: false, round: event.round });
        for (const { kind } of actions) if (kind === 'announce') moved(peer, nowMs, { round: state.round });
        if (nowMs >= lookAgainMs) look(nowMs);
      },
      onFinish(peer, _reason, round, _params, nowMs) {
        moved(peer, nowMs, { finished: true, round });
      },
      onDeed(deed, nowMs) {
        switch (deed.kind) {
          case 'crash':
            return moved(deed.peer, nowMs, { alive: false, paused: false });
          case 'pause':
            return moved(deed.peer, nowMs, { paused: true });
          case 'resume':
            return moved(deed.peer, nowMs, { paused: false });
          default:
            return;
        }
      },
      onEnd({ endMs, ended }) {
        if (ended === 'interrupted') return;
        if (ended !== 'done') violate(endMs, undefined, `the run did not come to an end (${ended} ran out)`);
        for (const [peer, { alive, paused, finished, round }] of standings.entries())
          if (alive && !paused && !finished) violate(endMs, peer, `it is left in round ${round} for ever`);
      },
    };
  },
};
