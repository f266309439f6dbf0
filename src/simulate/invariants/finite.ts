/** No NaN and no infinity leaves a peer. */
import type { Vector } from '../../params/layout.ts';
import type { PeerMessage } from '../../wire/message.ts';
import type { Invariant } from './invariant.ts';

export const finite: Invariant = {
  name: 'finite',
  summary: 'every number that a peer sends is finite',
  watch: ({ violate }) => ({
    onSend(from, { message, sequence }, _frameBytes, nowMs) {
      if (allFinite(message)) return;
      violate(nowMs, from, `its ${message.type} message ${sequence} holds NaN or an infinity`);
    },
  }),
};

function allFinite(message: PeerMessage): boolean {
  switch (message.type) {
    case 'exchange':
      return message.message.vectors.every(isFiniteVector) && message.message.numbers.every(Number.isFinite);
    case 'state':
      return isFiniteVector(message.params);
    case 'pull':
    case 'rejoin':
    case 'leave':
      return true;
  }
}

function isFiniteVector(vector: Vector): boolean {
  for (let index = 0; index < vector.length; index++) if (!Number.isFinite(vector[index])) return false;
  return true;
}
