/**
 * An age in gossip learning says how much training is in a model: never more than all peers together have done. A simulation that goes
 * on with an earlier one does not know how much that was, and is not judged.
 */
import type { Invariant } from './invariant.ts';

export const gossipAges: Invariant = {
  name: 'gossip-ages',
  summary:
    'the age of a model in gossip learning is at most the number of rounds that all peers together have trained',
  watch({ peers, violate }) {
    if (!peers.every(({ rule }) => rule.name === 'gossip-learning')) return undefined;
    let trained = 0;
    const started = new Set<number>();
    return {
      onStep(peer, event) {
        if (event.kind === 'start') {
          if (event.round > 0 && !started.has(peer)) trained = Number.POSITIVE_INFINITY;
          started.add(peer);
        }
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
