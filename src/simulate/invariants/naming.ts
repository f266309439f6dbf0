/** Messages are named by (sender, incarnation, sequence): a name is never used for two messages, and none is taken twice. */
import { messageKey } from '../../peer/log.ts';
import type { PeerMessage } from '../../wire/message.ts';
import type { Invariant } from './invariant.ts';

/** A message may be sent again for as long as so many newer ones have not been sent. */
const SEQUENCES_KEPT = 4096;

export const naming: Invariant = {
  name: 'naming',
  summary: 'one name means one message, and each is taken once',
  watch({ peers, violate }) {
    const incarnations = peers.map(() => 0);
    const sent = peers.map(() => new Map<number, PeerMessage>());
    const taken = peers.map(() => new Set<string>());
    return {
      onStep(peer, event, actions, _state, nowMs) {
        if (event.kind === 'start') {
          if (event.incarnation <= (incarnations[peer] ?? 0))
            violate(nowMs, peer, `it starts as incarnation ${event.incarnation} for a second time`);
          incarnations[peer] = event.incarnation;
          sent[peer]?.clear();
          // A new process has forgotten what the old one took.
          taken[peer]?.clear();
        }
        if (event.kind !== 'received') return;
        const refused = actions.some(({ kind }) => kind === 'refuse');
        const key = messageKey(event.name);
        if (!refused && taken[peer]?.has(key)) violate(nowMs, peer, `it takes message ${key} a second time`);
        if (!refused) taken[peer]?.add(key);
      },
      onSend(from, { sequence, message }, _frameBytes, nowMs) {
        const before = sent[from]?.get(sequence);
        if (before !== undefined && before !== message)
          violate(nowMs, from, `it gives sequence ${sequence} to two messages`);
        sent[from]?.set(sequence, message);
        sent[from]?.delete(sequence - SEQUENCES_KEPT);
      },
    };
  },
};
