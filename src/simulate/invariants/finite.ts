/** No NaN and no infinity leaves a peer. */
import { allFinite } from '../../params/kernels.ts';
import type { PeerMessage } from '../../wire/message.ts';
import type { Invariant } from './invariant.ts';

export const finite: Invariant = {
  name: 'finite',
  summary: 'every number that a peer sends is finite',
  watch: ({ violate }) => ({
    onSend(from, { message, sequence }, _frameBytes, nowMs) {
      if (holdsUp(message)) return;
      violate(nowMs, from, `its ${message.type} message ${sequence} holds NaN or an infinity`);
    },
  }),
};

function holdsUp(message: PeerMessage): boolean {
  switch (message.type) {
    case 'exchange':
      return message.message.vectors.every(allFinite) && message.message.numbers.every(Number.isFinite);
    case 'state':
      return allFinite(message.params);
    case 'pull':
    case 'rejoin':
    case 'leave':
    case 'again':
      return true;
  }
}
