/** One peer's rule, driven by hand: it is given events and keeps the peer's part of the contract in mind. */
import { present } from '../../src/base/assert.ts';
import { Random } from '../../src/base/random.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type {
  ExchangeRule,
  RuleAction,
  RuleContext,
  RuleEvent,
  RuleLife,
  RuleMessage,
} from '../../src/exchange/rule.ts';
import type { Vector } from '../../src/params/layout.ts';

export interface DrivenOptions {
  readonly rule: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly self: number;
  readonly outNeighbours: readonly number[];
  readonly inNeighbours?: readonly number[];
  readonly mixingRow?: ReadonlyMap<number, number>;
  readonly trains?: boolean;
  readonly peerCount?: number;
  readonly rounds?: number;
  readonly life?: RuleLife;
}

export class DrivenRule {
  readonly rule: ExchangeRule;
  readonly context: RuleContext;
  state: unknown;
  round = 0;
  now = 0;
  /** Params of the last completed round. */
  completed: Vector | undefined;
  #events = 0;

  constructor(given: DrivenOptions) {
    this.rule = present(findExchangeRule(given.rule), `rule ${given.rule}`);
    const parsed = this.rule.parse(given.options ?? {});
    if (!parsed.ok) throw new Error(parsed.problems.join('; '));
    const { self, outNeighbours, inNeighbours = outNeighbours } = given;
    this.context = {
      self,
      seed: 1,
      outNeighbours,
      inNeighbours,
      aheadMax: new Map(inNeighbours.map((peer) => [peer, 1])),
      mixingRow: given.mixingRow ?? new Map(),
      options: parsed.options,
      deadline: { factor: 1.5, floorMs: 10, ceilingMs: 100, downGraceMs: 10 },
      linkLossMeansSilence: true,
      peerCount: given.peerCount ?? 8,
      rounds: given.rounds ?? 100,
      trains: given.trains ?? true,
    };
    this.state = this.rule.init(this.context, 0, given.life ?? { incarnation: 1 });
    for (const peer of outNeighbours) this.up(peer);
  }

  step(event: RuleEvent): readonly RuleAction[] {
    const random = Random.of(3, this.context.self, this.#events++);
    const actions = this.rule.step(this.state, event, { now: this.now, random });
    for (const action of actions) if (action.kind === 'complete') this.completed = action.params;
    return actions;
  }

  begin(round: number, params: Vector): readonly RuleAction[] {
    this.round = round;
    return this.step({ kind: 'begin', round, params });
  }

  /** Begins the round after the one just completed. */
  next(): readonly RuleAction[] {
    return this.begin(this.round + 1, present(this.completed, 'params of a completed round'));
  }

  trained(...values: readonly number[]): readonly RuleAction[] {
    return this.step({ kind: 'trained', params: Float64Array.from(values) });
  }

  hears(from: number, message: RuleMessage, incarnation = 1): readonly RuleAction[] {
    return this.step({ kind: 'received', from, incarnation, message });
  }

  up(peer: number, incarnation = 1): readonly RuleAction[] {
    return this.step({ kind: 'neighbour', peer, status: 'up', round: 0, incarnation });
  }

  down(peer: number): readonly RuleAction[] {
    return this.step({ kind: 'neighbour', peer, status: 'down', round: 0, incarnation: 1 });
  }

  /** Lets `waitMs` pass and the timer go off. */
  timer(name: string, waitMs = 1000): readonly RuleAction[] {
    this.now += waitMs;
    return this.step({ kind: 'timer', name });
  }
}

export interface Sent {
  readonly to: readonly number[];
  readonly message: RuleMessage;
}

export function sends(actions: readonly RuleAction[]): Sent[] {
  return actions.flatMap((action) =>
    action.kind === 'send' ? [{ to: action.to, message: action.message }] : [],
  );
}

export function refusals(actions: readonly RuleAction[]): string[] {
  return actions.flatMap((action) => (action.kind === 'refuse' ? [action.reason] : []));
}
