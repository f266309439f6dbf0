/**
 * Bugs put into the peers on purpose, each as it could be made by hand, to see that the fuzzer finds it. A bug wraps the exchange rule,
 * or tampers with a peer's state after a step.
 */

import type { PushSumState } from '../../../src/exchange/push-sum-state.ts';
import type { ExchangeRule, RuleAction, RuleEvent, RuleScope } from '../../../src/exchange/rule.ts';
import type { Waiting } from '../../../src/exchange/waiting.ts';
import type { PeerState } from '../../../src/peer/state.ts';
import type { PlantedBug, RuleVariant } from '../../../src/simulate/fuzz/index.ts';

export interface NamedBug {
  readonly name: string;
  readonly bug: PlantedBug;
  readonly variants: readonly RuleVariant[];
}

const DPSGD: readonly RuleVariant[] = [
  { rule: 'dpsgd', options: { variant: 'adapt-then-mix' }, directed: true },
];

const BACKUPS: readonly RuleVariant[] = [
  { rule: 'dpsgd', options: { backups: 1 }, directed: false, degreeMin: 2 },
];

/** What a wrapped rule remembers of its own, beside the state of the rule inside. */
const PUSH_SUM: readonly RuleVariant[] = [{ rule: 'push-sum', options: {}, directed: true }];
const GOSSIP: readonly RuleVariant[] = [{ rule: 'gossip-learning', options: {}, directed: true }];
const CHOCO: readonly RuleVariant[] = [{ rule: 'choco', options: {}, directed: false }];

interface Memory {
  round: number;
  readonly down: Set<number>;
  readonly hoard: unknown[];
}

type Step = (
  inner: (event: RuleEvent) => RuleAction[],
  event: RuleEvent,
  memory: Memory,
  scope: RuleScope,
) => readonly RuleAction[];

/** A rule whose every step goes through `step`. */
function wrapping(step: Step): PlantedBug {
  interface Wrapped {
    readonly inner: unknown;
    readonly memory: Memory;
  }
  return {
    rule: (rule): ExchangeRule =>
      ({
        ...rule,
        init: (context, firstRound): Wrapped => ({
          inner: rule.init(context, firstRound),
          memory: { round: firstRound, down: new Set(), hoard: [] },
        }),
        waitingFor: (state: Wrapped) => rule.waitingFor(state.inner),
        step: ({ inner, memory }: Wrapped, event: RuleEvent, scope: RuleScope) => {
          if (event.kind === 'begin') memory.round = event.round;
          if (event.kind === 'neighbour' && event.status === 'down') memory.down.add(event.peer);
          if (event.kind === 'neighbour' && event.status === 'up') memory.down.delete(event.peer);
          return step((given) => [...rule.step(inner, given, scope)], event, memory, scope);
        },
      }) as ExchangeRule,
  };
}

/** Changes what the rule asks for. */
function changing(
  change: (action: RuleAction, memory: Memory, event: RuleEvent) => readonly RuleAction[],
): PlantedBug {
  return wrapping((inner, event, memory) =>
    inner(event).flatMap((action) => [...change(action, memory, event)]),
  );
}

/** Tampers with a peer's state after each of its steps. */
function tampering(tamper: (state: PeerState) => void): PlantedBug {
  return { saboteur: () => ({ onStep: (_peer, _event, _actions, state) => tamper(state) }) };
}

export const plantedBugs: readonly NamedBug[] = [
  {
    name: 'no deadline: a neighbour that is silent is waited for without end',
    variants: DPSGD,
    bug: changing((action) => (action.kind === 'setTimer' && action.name === 'deadline' ? [] : [action])),
  },
  {
    name: 'a neighbour that is late is asked again at every event',
    variants: DPSGD,
    bug: tampering(({ ruleState }) => {
      for (const neighbour of (ruleState as Waiting).barrier.neighbours.values()) neighbour.asks = 0;
    }),
  },
  {
    name: 'whoever asks again is answered as often as it asks',
    variants: DPSGD,
    bug: tampering(({ neighbours }) => {
      for (const { sent } of neighbours.values()) for (const message of sent) message.askedFor = 0;
    }),
  },
  {
    name: 'a model of the next round is mixed into this one',
    variants: DPSGD,
    bug: wrapping((inner, event, { round }) => {
      if (event.kind !== 'received' || event.message.round !== round + 1) return inner(event);
      return inner({ ...event, message: { ...event.message, round } });
    }),
  },
  {
    name: 'a model of an earlier round is mixed into this one',
    variants: DPSGD,
    bug: wrapping((inner, event, { round }) => {
      if (event.kind !== 'received' || event.message.round >= round) return inner(event);
      return inner({ ...event, message: { ...event.message, round } });
    }),
  },
  {
    name: 'who was left out is not recorded',
    variants: DPSGD,
    bug: changing((action) => [action.kind === 'complete' ? { ...action, excluded: [] } : action]),
  },
  {
    name: 'the weight of a neighbour that was left out is lost',
    variants: DPSGD,
    bug: changing((action) => {
      if (action.kind !== 'complete' || action.excluded.length === 0) return [action];
      return [{ ...action, params: action.params.map((value) => value * 0.5) }];
    }),
  },
  {
    name: 'a mean over no neighbours is 0 / 0',
    variants: DPSGD,
    bug: changing((action, { down }) => {
      if (action.kind !== 'complete' || down.size === 0 || action.excluded.length < down.size)
        return [action];
      return [{ ...action, params: action.params.map(() => Number.NaN) }];
    }),
  },
  {
    name: 'every model ever received is kept',
    variants: DPSGD,
    bug: wrapping((inner, event, { hoard }) => {
      if (event.kind === 'received') hoard.push(event.message.vectors[0]?.slice());
      return inner(event);
    }),
  },
  {
    name: 'a message is forgotten while a link is down, and with it the end of the training',
    variants: DPSGD,
    bug: wrapping((inner, event, { down }) =>
      event.kind === 'trained' && down.size > 0 ? [] : inner(event),
    ),
  },
  {
    name: 'a round is done twice after a failed send',
    variants: DPSGD,
    bug: changing((action, { down }) =>
      action.kind === 'complete' && down.size > 0 ? [action, action] : [action],
    ),
  },
  {
    name: 'sequence numbers start again after a link was down',
    variants: DPSGD,
    bug: tampering((state) => {
      if ([...state.neighbours.values()].some(({ up }) => !up) && state.nextSequence > 3)
        state.nextSequence = 3;
    }),
  },
  {
    name: 'an asked-for state is taken again and again, even an older one',
    variants: DPSGD,
    bug: tampering((state) => {
      if (state.pulling) state.round = Math.max(0, state.round - 2);
    }),
  },
  {
    name: 'the updates of a peer that was late are lost',
    variants: BACKUPS,
    bug: wrapping((inner, event, { round, hoard }) => {
      const actions = inner(event);
      const done = actions.find((action) => action.kind === 'complete');
      // A round that ends with the training and was not sent for is one that the peer was late for.
      if (event.kind === 'trained' && done !== undefined && !actions.some(({ kind }) => kind === 'send'))
        hoard[0] = done;
      const late = hoard[0] as (RuleAction & { kind: 'complete' }) | undefined;
      if (event.kind !== 'begin' || late?.round !== round - 1) return actions;
      return actions.map((action) =>
        action.kind === 'send'
          ? { ...action, message: { ...action.message, vectors: [late.params] } }
          : action,
      );
    }),
  },
  {
    name: 'a peer that was late leaves out one round too many',
    variants: BACKUPS,
    bug: changing((action, { round }) =>
      action.kind === 'complete' && action.round > round
        ? [{ ...action, round: action.round + 1 }]
        : [action],
    ),
  },
  {
    name: 'more neighbours than there are backups are left out as late',
    variants: BACKUPS,
    bug: changing((action) => {
      if (action.kind !== 'complete') return [action];
      return [
        {
          ...action,
          excluded: action.excluded.map(({ peer }) => ({ peer, reason: 'late' as const })),
        },
      ];
    }),
  },
  {
    name: 'what was taken from a sender is forgotten when its link breaks, and taken again',
    variants: PUSH_SUM,
    bug: tampering(({ neighbours, ruleState }) => {
      for (const { peer, up } of neighbours.values()) {
        const taken = (ruleState as PushSumState).taken.get(peer);
        if (!up && taken !== undefined) Object.assign(taken, { count: 0, part: undefined, partZ: 0 });
      }
    }),
  },
  {
    name: 'mass that was sent over a link that is down is lost',
    variants: PUSH_SUM,
    bug: changing((action, { down }) => {
      if (action.kind !== 'send' || down.size === 0) return [action];
      for (const vector of action.message.vectors) vector.fill(0);
      return [action];
    }),
  },
  {
    name: 'a restart forgets the running sums',
    variants: PUSH_SUM,
    bug: { rule: (rule) => ({ ...rule, snapshot: () => new Uint8Array(0) }) },
  },
  {
    name: 'merging counts the training of both, so that ages double',
    variants: GOSSIP,
    bug: wrapping((inner, event) => {
      if (event.kind !== 'received') return inner(event);
      const [part = 0, age = 0, ...rest] = event.message.numbers;
      return inner({ ...event, message: { ...event.message, numbers: [part, 2 * age, ...rest] } });
    }),
  },
  {
    name: 'a message is taken as often as it comes',
    variants: GOSSIP,
    bug: tampering(({ neighbours }) => {
      for (const { sequences } of neighbours.values()) sequences.clear();
    }),
  },
  {
    name: 'a change is applied to a replica that missed the one before',
    variants: CHOCO,
    bug: wrapping((inner, event, { hoard }) => {
      // What the replica is at is not asked: the numbers that would tell are those of the message before.
      if (event.kind !== 'received' || event.message.kind !== 'delta') return inner(event);
      hoard.push(event.message.payload);
      const missed = hoard.length % 7 === 0 ? (hoard.at(-2) as Uint8Array) : event.message.payload;
      return inner({ ...event, message: { ...event.message, payload: missed as Uint8Array } });
    }),
  },
];
