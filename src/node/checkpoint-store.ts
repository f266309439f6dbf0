/**
 * The checkpoints of one peer: files `checkpoints/<round>.ckpt`. Kept are the newest ones at common multiples (which other peers
 * have too) and the newest of all (where a stop left the peer).
 */
import type { Storage } from '../storage/storage.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';

const CHECKPOINT_FOLDER = 'checkpoints';

export interface CheckpointPolicy {
  /** Rounds between common checkpoints. */
  readonly everyRounds: number;
  /** How many common ones are kept. */
  readonly keep: number;
}

/** Rounds of the checkpoints that are there, newest first; whether they can be read is not known. */
export async function checkpointRounds(storage: Storage): Promise<readonly number[]> {
  const names = await storage.list(CHECKPOINT_FOLDER);
  return names
    .map((name) => /^(\d+)\.ckpt$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

/** Writes one and removes those no longer needed; those of later rounds belong to a past that was given up. */
export async function writeCheckpoint(
  storage: Storage,
  checkpoint: Checkpoint,
  policy: CheckpointPolicy,
): Promise<void> {
  await storage.write(pathOf(checkpoint.round), encodeCheckpoint(checkpoint));
  const rounds = await checkpointRounds(storage);
  const past = rounds.filter((round) => round <= checkpoint.round);
  const common = past.filter((round) => round % policy.everyRounds === 0).slice(0, policy.keep);
  const kept = new Set([checkpoint.round, ...common]);
  for (const round of rounds) if (!kept.has(round)) await storage.remove(pathOf(round));
}

/** What a checkpoint must belong to; whoever has not built the model yet does not know the layout. */
export interface ExpectedDigests {
  readonly experimentDigest: string;
  readonly layoutDigest?: string;
}

export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint | undefined;
  /** What was passed over on the way, for people. */
  readonly problems: readonly string[];
}

/** The newest checkpoint that can be read and belongs to this experiment and layout, at most that of round `roundMax`. */
export async function newestCheckpoint(
  storage: Storage,
  expected: ExpectedDigests,
  roundMax = Number.POSITIVE_INFINITY,
): Promise<FoundCheckpoint> {
  const problems: string[] = [];
  for (const round of await checkpointRounds(storage)) {
    if (round > roundMax) continue;
    const bytes = await storage.read(pathOf(round));
    if (bytes === undefined) continue;
    const read = decodeCheckpoint(bytes);
    const problem = read.ok ? mismatch(read.checkpoint, expected) : read.problem;
    if (read.ok && problem === undefined) return { checkpoint: read.checkpoint, problems };
    problems.push(`checkpoint of round ${round} is passed over: ${problem}`);
  }
  return { checkpoint: undefined, problems };
}

function mismatch(checkpoint: Checkpoint, expected: ExpectedDigests): string | undefined {
  const { layoutDigest = checkpoint.layoutDigest } = expected;
  if (checkpoint.layoutDigest !== layoutDigest) return 'it is of another model';
  if (checkpoint.experimentDigest !== expected.experimentDigest) return 'it is of another experiment';
  return undefined;
}

function pathOf(round: number): string {
  return `${CHECKPOINT_FOLDER}/${round}.ckpt`;
}
