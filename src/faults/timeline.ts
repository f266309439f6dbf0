/** What contradicts what: one peer cannot be away twice at once, nor be slowed or skewed twice; and somebody must be left. */
import type { Problem } from '../base/errors.ts';
import type { Fault } from './fault.ts';
import { timeText } from './spans.ts';

/** What a fault does with one peer, from when to when. Only states of the same subject exclude each other. */
interface PeerState {
  readonly peer: number;
  readonly subject: 'presence' | 'slowness' | 'clock';
  readonly words: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly place: string;
}

export function contradictions(
  faults: readonly Fault[],
  names: readonly string[],
  places: readonly string[],
): Problem[] {
  const states = faults.flatMap((fault, index) => statesOf(fault, places[index] ?? `fault ${index}`));
  const clashes = [...grouped(states).values()].flatMap((own) => clashesAmong(own, names));
  return clashes.length > 0 ? clashes : nobodyLeft(states, names);
}

function statesOf(fault: Fault, place: string): PeerState[] {
  const forGood = Number.POSITIVE_INFINITY;
  switch (fault.kind) {
    case 'crash': {
      const { peer, atMs, restartMs = forGood } = fault;
      return [{ peer, subject: 'presence', words: 'crashed', fromMs: atMs, toMs: restartMs, place }];
    }
    case 'pause': {
      const { peer, fromMs, toMs = forGood } = fault;
      return [{ peer, subject: 'presence', words: 'paused', fromMs, toMs, place }];
    }
    case 'leave':
      return [
        { peer: fault.peer, subject: 'presence', words: 'gone', fromMs: fault.atMs, toMs: forGood, place },
      ];
    case 'join':
      return [
        { peer: fault.peer, subject: 'presence', words: 'not there yet', fromMs: 0, toMs: fault.atMs, place },
      ];
    case 'availability':
      return fault.peers.map((peer) => {
        const { fromMs, toMs = forGood } = fault;
        return { peer, subject: 'presence', words: 'switched on and off', fromMs, toMs, place };
      });
    case 'slow':
    case 'clock': {
      const { peer, fromMs, toMs = forGood } = fault;
      const words = fault.kind === 'slow' ? 'slowed down' : 'given another clock';
      return [{ peer, subject: fault.kind === 'slow' ? 'slowness' : 'clock', words, fromMs, toMs, place }];
    }
    default:
      return [];
  }
}

function grouped(states: readonly PeerState[]): Map<string, PeerState[]> {
  const groups = new Map<string, PeerState[]>();
  for (const state of states) {
    const key = `${state.subject} ${state.peer}`;
    groups.set(key, [...(groups.get(key) ?? []), state]);
  }
  return groups;
}

/** States that overlap or touch: a peer that is crashed at the instant it is started again would be neither. */
function clashesAmong(own: readonly PeerState[], names: readonly string[]): Problem[] {
  const ordered = [...own].sort((a, b) => a.fromMs - b.fromMs);
  const problems: Problem[] = [];
  let before = ordered[0];
  for (const state of ordered.slice(1)) {
    if (before !== undefined && state.fromMs <= before.toMs) problems.push(clash(state, before, names));
    if (before === undefined || state.toMs > before.toMs) before = state;
  }
  return problems;
}

function clash(state: PeerState, before: PeerState, names: readonly string[]): Problem {
  const name = names[state.peer] ?? `peer ${state.peer}`;
  const until = before.toMs === Number.POSITIVE_INFINITY ? 'for good' : `until ${timeText(before.toMs)}`;
  return {
    path: state.place,
    message: `${name} would be ${state.words} from ${timeText(state.fromMs)}, but it is ${before.words} ${until} (${before.place})`,
    suggestion: 'let one end before the other begins, or take one out',
  };
}

function nobodyLeft(states: readonly PeerState[], names: readonly string[]): Problem[] {
  const gone = states.filter(
    ({ subject, toMs, words }) =>
      subject === 'presence' && toMs === Number.POSITIVE_INFINITY && words !== 'switched on and off',
  );
  if (new Set(gone.map(({ peer }) => peer)).size < names.length) return [];
  const last = gone.reduce((latest, state) => (state.fromMs > latest.fromMs ? state : latest));
  const message = `after ${timeText(last.fromMs)} nobody is left: all ${names.length} peers are crashed, paused or gone for good`;
  return [{ path: last.place, message, suggestion: 'let one of them stay or come back' }];
}
