/**
 * The exchange-rule seam: how peers mix what they learned. A rule is a small deterministic machine inside the peer,
 * without I/O, promises, clock or chance of its own: `init(context) → state`, `step(state, event, scope) → actions`.
 * A new rule is one new file and one line in registry.ts. Conformance: test/exchange/rule.conformance.ts.
 *
 * Ownership: vectors in events belong to the rule from then on (those of `begin`, and of messages that are not `exclusive`, are also held
 * by others and never changed; a trained one that is the one training began with is such, too); vectors in actions belong to the peer from then on and are
 * never changed again by either side. State is used linearly: `step` may change it in place and returns only actions.
 * The peer guarantees: one `begin` after each `complete`, and, when it catches up, one with a later round at any time (whatever
 * the rule was doing is void then); `trained` answers the last `train` only; neighbours and messages may come before the first `begin`;
 * `received` comes from in-neighbours or named partners only, with a kind the rule declared and vectors of the declared shape,
 * finite, a payload of a declared size (whose content nobody has judged yet: the rule refuses it as `malformed`), each (sender, incarnation, sequence) once. Not guaranteed: that messages arrive at all, in round order, or only for this round.
 */
import type { Random } from '../base/random.ts';
import type { Precision, Vector } from '../params/layout.ts';

/** What one rule message carries; wire/ checks it before the peer sees it. */
export interface MessageShape {
  /** Precision of each vector, or `params` for that of the params; each has the length of the params. */
  readonly vectors: readonly (Precision | 'params')[];
  /** Bounds of the bytes it carries beside the vectors, for params of `length` elements; absent: it carries none. */
  readonly payload?: (length: number, params: Precision) => PayloadBounds;
  /**
   * Where the payload is a run of the params as raw little-endian numbers: from which element to which (not included), of `length`, as the
   * message's numbers say with the rule's options; undefined where they say of none.
   */
  readonly runOf?: (
    numbers: readonly number[],
    options: RuleContext['options'],
    length: number,
  ) => readonly [number, number] | undefined;
}

/** How many bytes a payload has; both inclusive, non-negative integers. */
export interface PayloadBounds {
  readonly bytesMin: number;
  readonly bytesMax: number;
}

export interface RuleMessage {
  /** One of the rule's declared message kinds. */
  readonly kind: string;
  /** The sender's round. */
  readonly round: number;
  readonly vectors: readonly Vector[];
  /** Small integers or finite numbers the rule needs beside the vectors (pair ids, ages). */
  readonly numbers: readonly number[];
  /** Bytes that only the rule can read (compressed vectors): present exactly where the kind declares them. Never changed after. */
  readonly payload?: Uint8Array;
}

/** Adaptive deadline for a neighbour: clamp(factor · its own running median, floorMs, ceilingMs). */
export interface DeadlineOptions {
  readonly factor: number;
  readonly floorMs: number;
  readonly ceilingMs: number;
  /** A broken link that is back within this time costs nothing. */
  readonly downGraceMs: number;
}

export interface RuleContext {
  readonly self: number;
  /** Of the run: for chance that must be equal in every driver, named by (seed, self, round); RuleScope's depends on the events. */
  readonly seed: number;
  /** Ascending; peers this one sends to along overlay arcs. */
  readonly outNeighbours: readonly number[];
  /** Ascending; peers whose messages this one mixes. */
  readonly inNeighbours: readonly number[];
  /**
   * Per in-neighbour j: by how many rounds j can run ahead of this peer when nobody is excluded (the distance self → j). Of
   * synchronous rules only; empty for others, whose peers go their own pace.
   */
  readonly aheadMax: ReadonlyMap<number, number>;
  /** Row `self` of the mixing matrix W: what this peer gives to what it receives from j; includes self. */
  readonly mixingRow: ReadonlyMap<number, number>;
  /** Where the graph changes: round r uses phase r mod length. Absent: all neighbours in every round, as in mixingRow. */
  readonly phases?: readonly RulePhase[];
  /** The rule's own options, validated by the rule's `parse`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly deadline: DeadlineOptions;
  /** Peers in the run. */
  readonly peerCount: number;
  /** Rounds that a peer does at most. */
  readonly rounds: number;
  /** Whether there are local updates at all; where not, a rule leaves `train` out. */
  readonly trains: boolean;
  /** Whether a broken link means that the neighbour cannot be heard (false where messages arrive around it). */
  readonly linkLossMeansSilence: boolean;
}

/** Who takes part in the rounds of one phase; parts of the context's own neighbours, with the weights of that phase. */
export type RulePhase = Pick<RuleContext, 'outNeighbours' | 'inNeighbours' | 'mixingRow'>;

/** A peer's life: it ends with the process. */
export interface RuleLife {
  /** Greater than that of each life before. */
  readonly incarnation: number;
  /** What `snapshot` gave in an earlier life; absent: the peer starts anew. Trusted: it is the peer's own. */
  readonly snapshot?: Uint8Array;
}

/** The graph of a run, as far as rules care. */
export interface RuleGraph {
  readonly peerCount: number;
  readonly undirected: boolean;
  readonly outDegrees: readonly number[];
  readonly inDegrees: readonly number[];
}

/** What may happen to messages and peers without harm to what the rule computes. */
export type Tolerance = 'loss' | 'duplication' | 'reordering' | 'crash' | 'straggler';

/** Time and chance, given with each event. */
export interface RuleScope {
  /** Milliseconds of the driver's clock. */
  readonly now: number;
  readonly random: Random;
}

/** `left`: it said goodbye. `late`: enough others were here (backups). */
export type ExclusionReason = 'deadline' | 'down' | 'left' | 'absent' | 'ahead' | 'late';

/**
 * Too late, too early, twice, not asked for; a payload that does not decode; a change to something this peer does not have; numbers
 * that cannot be true (an age or a mass that nobody can have).
 */
export type RuleRefusal =
  | 'stale'
  | 'future'
  | 'duplicate'
  | 'unexpected'
  | 'malformed'
  | 'out-of-step'
  | 'impossible';

export type RuleEvent =
  | { readonly kind: 'begin'; readonly round: number; readonly params: Vector }
  | { readonly kind: 'trained'; readonly params: Vector }
  | {
      readonly kind: 'received';
      readonly from: number;
      /** The sender's life. */
      readonly incarnation: number;
      readonly message: RuleMessage;
      /** Nobody else holds the memory of its vectors: the rule may write into them. Absent: others may. */
      readonly exclusive?: true;
    }
  /** `returning`: it asked for this peer's state of round `round` and will take part from there on. */
  | {
      readonly kind: 'neighbour';
      readonly peer: number;
      readonly status: 'up' | 'down' | 'returning';
      /** It is down because it said goodbye: nothing more comes from it. */
      readonly left?: true;
      readonly round: number;
      /** The neighbour's life, as last heard of. */
      readonly incarnation: number;
    }
  | { readonly kind: 'sendFailed'; readonly to: number }
  /**
   * The last round is done: nothing is started any more, questions are still answered. `leaves`: this peer goes, and the others go on;
   * what it still has to hand over takes as long as `isLeaving` says.
   */
  | { readonly kind: 'end'; readonly leaves?: true }
  | { readonly kind: 'timer'; readonly name: string };

export type RuleAction =
  /** Start the local updates of the current round from these params; answered by `trained`. */
  | { readonly kind: 'train'; readonly params: Vector }
  | { readonly kind: 'send'; readonly to: readonly number[]; readonly message: RuleMessage }
  | { readonly kind: 'setTimer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'clearTimer'; readonly name: string }
  /**
   * An exchange that only one side carried out, or may have: recorded. `drift`: how far this peer moved by it alone (Euclidean norm
   * over its params); absent where it is not known whether the other side did.
   */
  | { readonly kind: 'halfExchange'; readonly peer: number; readonly drift?: number }
  /** A message that is not mixed: counted. */
  | {
      readonly kind: 'refuse';
      readonly from: number;
      readonly reason: RuleRefusal;
      /** What was got and what was wanted, for the record. */
      readonly detail?: string;
    }
  /** Their messages of this round have not come and may have been lost: they are to send them again. Of synchronous rules only. */
  | { readonly kind: 'ask'; readonly of: readonly number[]; readonly round: number }
  /** This peer cannot go on from where it is (a neighbour is too far ahead): fetch state from the others. */
  | { readonly kind: 'behind'; readonly round: number }
  /**
   * The round is done: these are the params after it, and who was left out of it. A round later than the one begun: those in between are
   * left out, and the next `begin` follows this one.
   */
  | {
      readonly kind: 'complete';
      readonly round: number;
      readonly params: Vector;
      readonly excluded: readonly { readonly peer: number; readonly reason: ExclusionReason }[];
    };

export interface ExchangeRule<State = unknown> {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  readonly graphs: 'undirected' | 'strong';
  /** One line for people: which graphs and links it is not for. */
  readonly notFor: string;
  readonly tolerates: readonly Tolerance[];
  /** Rounds are in step across peers: params can be compared bit for bit. */
  readonly synchronous: boolean;
  /** It follows a graph that changes from round to round; absent: it uses all arcs in every round. */
  readonly schedules?: true;
  /** Every send goes to all out-neighbours alike, so that the gossip carrier can publish it once. */
  readonly broadcast: boolean;
  /** Whether each message must reach its receiver, or only the latest one matters. */
  readonly queue: 'every' | 'latest';
  readonly messages: Readonly<Record<string, MessageShape>>;
  /** Checks options from the experiment; returns them complete with defaults, or problems in words. */
  parse(
    options: Readonly<Record<string, unknown>>,
  ): { ok: true; options: Readonly<Record<string, unknown>> } | { ok: false; problems: readonly string[] };
  /**
   * The rule with what it sends rounded, where it does so itself, because what it sends are changes or sums; absent: encoding.ts rounds
   * the params in its messages.
   */
  encodedAs?(encoding: 'fp16' | 'int8'): ExchangeRule;
  /** What stands between these options and this graph, in words; nothing where absent. */
  fits?(options: Readonly<Record<string, unknown>>, graph: RuleGraph): readonly string[];
  /** Why it cannot work on models of `length` params with these options, in words that name the option; undefined: it can. */
  fitsParams?(options: Readonly<Record<string, unknown>>, length: number): string | undefined;
  /** `firstRound` is the one that this peer means to begin with; without `life` it is only created, and started later. */
  init(context: RuleContext, firstRound: number, life?: RuleLife): State;
  /** What a restart needs beside the params, taken between two steps; absent: nothing. */
  snapshot?(state: State): Uint8Array;
  /** Neighbours that the rule cannot go on without at this moment, ascending; for people to see. */
  waitingFor(state: State): readonly number[];
  /** After an `end` that `leaves`: whether it still hands something over, and sets timers for that; absent: it never does. */
  isLeaving?(state: State): boolean;
  step(state: State, event: RuleEvent, scope: RuleScope): readonly RuleAction[];
}
