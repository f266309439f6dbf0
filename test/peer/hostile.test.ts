/** A neighbour that lies in every message: what it says is refused with a reason, and the others do all their rounds without it. */
import { expect, test } from 'vitest';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { allFinite } from '../../src/params/kernels.ts';
import type { PeerAction } from '../../src/peer/machine.ts';
import { simulate } from '../../src/simulate/index.ts';
import { virtualLinks, virtualPeers, virtualPlan } from './virtual.ts';

const LIAR = 4;
const ROUNDS = 12;

interface Lie {
  readonly rule: string;
  readonly options?: Record<string, unknown>;
  readonly told: (message: RuleMessage) => RuleMessage;
  readonly reason: string;
  readonly detail: RegExp;
}

const numbered = (message: RuleMessage, at: number, value: number): RuleMessage => ({
  ...message,
  numbers: message.numbers.with(at, value),
});

const topK = { compressor: { kind: 'top-k', count: 2 } };
const ofKind = (kind: string, lie: (message: RuleMessage) => RuleMessage) => (message: RuleMessage) =>
  message.kind === kind ? lie(message) : message;

const lies: Record<string, Lie> = {
  'an age from the future': {
    rule: 'gossip-learning',
    told: (message) => numbered(message, 1, 1e6),
    reason: 'impossible',
    detail: /age 1000000, at most 60 possible/,
  },
  'a fragment that does not cover its part of the model': {
    rule: 'gossip-learning',
    options: { parts: 2 },
    told: (message) => ({ ...message, payload: message.payload!.subarray(4) }),
    reason: 'malformed',
    detail: /part [01] of \d+ bytes, wanted \d+/,
  },
  'a fragment of no part': {
    rule: 'gossip-learning',
    options: { parts: 2 },
    told: (message) => numbered(message, 0, 2),
    reason: 'malformed',
    detail: /part 2 of 2/,
  },
  'a huge weight': {
    rule: 'push-sum',
    told: (message) => numbered(message, 4, 1e9),
    reason: 'impossible',
    detail: /weight 1000000000, after 0/,
  },
  'mass gone negative': {
    rule: 'push-sum',
    told: (message) => numbered(message, 4, -0.5),
    reason: 'impossible',
    detail: /weight -0.5, after 0/,
  },
  'mass whose values are beyond params': {
    rule: 'push-sum',
    told: (message) => ({ ...message, vectors: message.vectors.map((one) => one.map(() => 1e300)) }),
    reason: 'impossible',
    detail: /beyond what params can be/,
  },
  'a share of huge weight': {
    rule: 'push-sum',
    options: { variant: 'plain' },
    told: (message) => numbered(message, 0, 1e9),
    reason: 'impossible',
    detail: /weight 1000000000, wanted 0 to 5/,
  },
  'a change to what no replica is': {
    rule: 'choco',
    told: ofKind('delta', (message) => ({
      ...message,
      numbers: [7, 70 + message.round, 71 + message.round],
    })),
    reason: 'out-of-step',
    detail: /a change from version 7\.\d+, but the replica is at version/,
  },
  'a change that does not decode': {
    rule: 'choco',
    options: topK,
    told: ofKind('delta', (message) => ({ ...message, payload: message.payload!.map(() => 0xff) })),
    reason: 'malformed',
    detail: /\w/,
  },
  'a version that is no count': {
    rule: 'choco',
    told: (message) => ({ ...message, numbers: [1, -1, 0.5] }),
    reason: 'malformed',
    detail: /version 1\.-1\.0\.5/,
  },
  'numbers that name no proposal': {
    rule: 'pairwise',
    told: (message) => ({ ...message, numbers: [0.5] }),
    reason: 'malformed',
    detail: /numbers 0\.5/,
  },
};

test.each(Object.entries(lies))('%s', async (_, { rule, options = {}, told, reason, detail }) => {
  const plan = virtualPlan({ rule, options, rounds: ROUNDS });
  const refused: (PeerAction & { kind: 'refuse' })[] = [];
  const peers = virtualPeers(plan).map((peer) => {
    if (peer.config.self !== LIAR) return peer;
    const { rule: honest } = peer.config;
    const liar: typeof honest = {
      ...honest,
      step: (state, event, scope) =>
        honest
          .step(state, event, scope)
          .map((action) => (action.kind === 'send' ? { ...action, message: told(action.message) } : action)),
    };
    return { ...peer, config: { ...peer.config, rule: liar } };
  });
  const { peers: ends } = await simulate(peers, {
    ...virtualLinks,
    observer: {
      onRefuse: (peer, refusal) => {
        if (peer !== LIAR) refused.push(refusal);
      },
    },
  });
  for (const [peer, { round, params }] of ends.entries()) {
    if (peer === LIAR) continue;
    expect(round).toBe(ROUNDS);
    expect(allFinite(params)).toBe(true);
  }
  expect(refused).toContainEqual(
    expect.objectContaining({ from: LIAR, reason, detail: expect.stringMatching(detail) }),
  );
});
