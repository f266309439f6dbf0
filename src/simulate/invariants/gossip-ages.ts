/** An age in gossip learning says how much training is in a model: never more than all peers together have done. */
import type { Invariant } from './invariant.ts';

export const gossipAges: Invariant = {
  name: 'gossip-ages',
  summary:
    'the age of a model in gossip learning is at most the number of rounds that all peers together have trained',
  watch({ peers, violate }) {
    if (!peers.every(({ rule }) => rule.name === 'gossip-learning')) return undefined;
    let trained = 0;
    return {
      onStep(_peer, event) {
        if (event.kind === 'trained') trained += 1;
      },
      onSend(from, { message }, _frameBytes, nowMs) {
        if (message.type !== 'exchange') return;
        const age = message.message.numbers[1] ?? 0;
        if (age > trained)
          violate(nowMs, from, `it sends a model of age ${age}, and ${trained} rounds were trained in all`);
      },
    };
  },
};
