/** Asking again is bounded at both ends: a lost message costs a few questions and copies, whatever else is lost. */
import type { PeerAction } from '../../peer/machine.ts';
import type { Invariant } from './invariant.ts';

/** Questions of a peer to one neighbour in a round. */
const QUESTIONS_MAX = 4;
/** Copies of a message that one neighbour gets for asking. */
const COPIES_MAX = 4;

interface Count {
  /** The round asked about, or the message's sequence. */
  of: number;
  count: number;
}

export const asking: Invariant = {
  name: 'asking',
  summary:
    'a neighbour is asked again a few times a round at most, and a message is sent again to who asks a few times at most',
  watch({ peers, violate }) {
    const questions = peers.map(() => new Map<number, Count>());
    const copies = peers.map(() => new Map<string, number>());
    return {
      onStep(peer, event, actions, _state, nowMs) {
        if (event.kind === 'start') {
          questions[peer]?.clear();
          copies[peer]?.clear();
        }
        for (const { to, message } of sendsOf(actions)) {
          if (message.type !== 'again') continue;
          for (const other of to) {
            const { of, count } = questions[peer]?.get(other) ?? { of: -1, count: 0 };
            const asked = of === message.round ? count + 1 : 1;
            questions[peer]?.set(other, { of: message.round, count: asked });
            if (asked > QUESTIONS_MAX)
              violate(
                nowMs,
                peer,
                `it asks ${other} for its message of round ${message.round} for the ${asked}th time`,
              );
          }
        }
        if (event.kind !== 'received' || event.message.type !== 'again') return;
        for (const { to, sequence } of sendsOf(actions)) {
          const key = `${to.join()}/${sequence}`;
          const sent = (copies[peer]?.get(key) ?? 0) + 1;
          copies[peer]?.set(key, sent);
          if (sent > COPIES_MAX)
            violate(
              nowMs,
              peer,
              `it sends message ${sequence} again to ${to.join()}, which has asked, for the ${sent}th time`,
            );
        }
      },
    };
  },
};

function sendsOf(actions: readonly PeerAction[]): (PeerAction & { kind: 'send' })[] {
  return actions.filter((action) => action.kind === 'send');
}
