/**
 * The `faults` block of an experiment as people write it: a few probabilities for all messages, a list of faults, faults drawn from a
 * seed, or all of them. The resolved file writes the typed record out under `schedule`.
 */
import { z } from 'zod';
import { signedTime, time } from './durations.ts';

const probability = z.number().min(0).max(1);
const peer = z.union([z.int().min(0), z.string().min(1)]);
const peers = z.preprocess(
  (value) => (typeof value === 'number' || (typeof value === 'string' && value !== 'all') ? [value] : value),
  z.array(peer).min(1),
);
const longer = time(Number.MIN_VALUE, 'a time above 0');

/** Since the run began; to its end where `until` is absent. */
const span = { after: time().default(0), until: longer.optional() };
const arcs = { from: peers.optional(), to: peers.optional() };

const messageFault = (kind: 'loss' | 'duplicate' | 'corrupt') =>
  z.strictObject({ kind: z.literal(kind), probability, ...span, ...arcs });

const faultSchema = z.discriminatedUnion('kind', [
  messageFault('loss'),
  messageFault('duplicate'),
  messageFault('corrupt'),
  z.strictObject({ kind: z.literal('reorder'), probability, by: longer, ...span, ...arcs }),
  z.strictObject({
    kind: z.literal('delay'),
    extra: time().default(0),
    jitter: time().optional(),
    ...span,
    ...arcs,
  }),
  z.strictObject({ kind: z.literal('bandwidth'), factor: z.number().gt(0), ...span, ...arcs }),
  z.strictObject({
    kind: z.literal('partition'),
    from: peers,
    to: peers,
    symmetric: z.boolean().default(true),
    silent: z.boolean().default(false),
    ...span,
  }),
  z.strictObject({ kind: z.literal('crash'), peer, at: time(), restartAt: time().optional() }),
  z.strictObject({ kind: z.literal('pause'), peer, ...span }),
  z.strictObject({ kind: z.literal('slow'), peer, factor: z.number().min(1), ...span }),
  z.strictObject({
    kind: z.literal('clock'),
    peer,
    offset: signedTime().default(0),
    rate: z.number().gt(0).max(100).optional(),
    ...span,
  }),
  z.strictObject({ kind: z.literal('join'), peer, at: longer }),
  z.strictObject({ kind: z.literal('leave'), peer, at: time() }),
  z.strictObject({
    kind: z.literal('availability'),
    /** All where absent. */
    peers: peers.optional(),
    share: probability.gt(0),
    memory: z.number().gt(-1).lt(1).default(0),
    correlation: probability.default(0),
    slot: longer,
    off: z.enum(['pause', 'crash']).default('pause'),
    ...span,
  }),
]);

const drawnCount = z.int().min(0).max(10_000);

/** How many faults of which kinds are drawn from a seed, and how hard they hit. */
const drawSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  intensity: z.enum(['mild', 'harsh']).default('mild'),
  /** The last fault has ended by then. */
  until: longer,
  /** Faults of each kind; chosen by the intensity where all are absent. */
  messages: drawnCount.optional(),
  partitions: drawnCount.optional(),
  crashes: drawnCount.optional(),
  pauses: drawnCount.optional(),
  slow: drawnCount.optional(),
  clocks: drawnCount.optional(),
  joins: drawnCount.optional(),
  leaves: drawnCount.optional(),
  availability: drawnCount.optional(),
  /** So many, each of a kind drawn too. */
  faults: drawnCount.optional(),
});

const indices = z.array(z.int().min(0)).optional();
const ms = z.number();
const recordSpan = { fromMs: ms, toMs: ms.optional() };
const recordArcs = { from: indices, to: indices };
const stream = z.int().optional();
const index = z.int().min(0);

const messageRecord = (kind: 'loss' | 'duplicate' | 'corrupt') =>
  z.strictObject({ kind: z.literal(kind), probability: ms, ...recordSpan, ...recordArcs, stream });

/** The typed record of fault.ts. Ranges are the checks' business: a record from elsewhere gets the same sentences. */
const recordSchema = z.discriminatedUnion('kind', [
  messageRecord('loss'),
  messageRecord('duplicate'),
  messageRecord('corrupt'),
  z.strictObject({
    kind: z.literal('reorder'),
    probability: ms,
    byMs: ms,
    ...recordSpan,
    ...recordArcs,
    stream,
  }),
  z.strictObject({
    kind: z.literal('delay'),
    extraMs: ms,
    jitterMs: ms.optional(),
    ...recordSpan,
    ...recordArcs,
    stream,
  }),
  z.strictObject({ kind: z.literal('bandwidth'), factor: ms, ...recordSpan, ...recordArcs }),
  z.strictObject({
    kind: z.literal('partition'),
    from: z.array(index),
    to: z.array(index),
    symmetric: z.boolean(),
    silent: z.boolean(),
    ...recordSpan,
  }),
  z.strictObject({ kind: z.literal('crash'), peer: index, atMs: ms, restartMs: ms.optional() }),
  z.strictObject({ kind: z.literal('pause'), peer: index, ...recordSpan }),
  z.strictObject({ kind: z.literal('slow'), peer: index, factor: ms, ...recordSpan }),
  z.strictObject({ kind: z.literal('clock'), peer: index, offsetMs: ms, rate: ms.optional(), ...recordSpan }),
  z.strictObject({ kind: z.literal('join'), peer: index, atMs: ms }),
  z.strictObject({ kind: z.literal('leave'), peer: index, atMs: ms }),
  z.strictObject({
    kind: z.literal('availability'),
    peers: z.array(index),
    share: ms,
    memory: ms,
    correlation: ms,
    slotMs: ms,
    off: z.enum(['pause', 'crash']),
    ...recordSpan,
    stream,
  }),
]);

/** A schedule as data: what the resolved experiment holds, and what a failing seed is kept as. */
export const scheduleSchema = z.strictObject({
  seed: z.int().min(0),
  faults: z.array(recordSchema).max(100_000),
});

/** A bare list is short for an object with that list. */
export const faultsSchema = z.preprocess(
  (value) => (Array.isArray(value) ? { list: value } : value),
  z.strictObject({
    /** Names the chance of all faults; the experiment's seed where absent. */
    seed: z.int().min(0).optional(),
    /** For every message of the whole run. */
    loss: probability.optional(),
    duplicate: probability.optional(),
    corrupt: probability.optional(),
    delay: time().optional(),
    jitter: time().optional(),
    list: z.array(faultSchema).max(10_000).optional(),
    draw: drawSchema.optional(),
    /** The whole schedule as a typed record, as a resolved experiment has it; nothing else beside it. */
    schedule: scheduleSchema.optional(),
  }),
);

export type FaultsBlock = z.output<typeof faultsSchema>;
export type WrittenFault = z.output<typeof faultSchema>;
