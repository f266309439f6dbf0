/**
 * A run's directory: `experiment.yaml` (resolved), `peers/<name>/` (key, log, checkpoints, params), `summary.json`. Made new, or
 * taken up again where an earlier run left it: at the greatest round of which every peer has a readable checkpoint.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../base/errors.ts';
import { createIdentity, loadIdentity } from '../identity/index.ts';
import { checkpointRounds, type ExpectedDigests, newestCheckpoint } from '../node/checkpoint-store.ts';
import { fileStorage } from '../storage/files.ts';

export const EXPERIMENT_FILE = 'experiment.yaml';
export const SUMMARY_FILE = 'summary.json';
const KEY_FILE = 'identity.pem';

export interface RunMember {
  readonly name: string;
  readonly peerId: string;
  readonly folder: string;
  readonly keyPath: string;
}

/**
 * Makes the directory with the experiment in it; `command` is what can go on with a run. InputError `run-folder-taken` if something
 * is there already.
 */
export async function claimRunFolder(
  folder: string,
  experiment: string,
  command: 'swarm' | 'simulate',
): Promise<void> {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw new InputError('run-folder-taken', `${folder} is a file; give another folder with --out`, {
      folder,
    });
  }
  if (existsSync(folder) && (await readdir(folder)).length > 0) {
    throw new InputError(
      'run-folder-taken',
      `${folder} is not empty; give another folder with --out, or go on with the run in it: grapevine ${command} --resume ${folder}`,
      { folder },
    );
  }
  await fileStorage(folder).write(EXPERIMENT_FILE, new TextEncoder().encode(experiment));
}

/** Makes the directory and a key for each peer. Errors of claimRunFolder. */
export async function createRunFolder(
  folder: string,
  names: readonly string[],
  experiment: string,
): Promise<readonly RunMember[]> {
  await claimRunFolder(folder, experiment, 'swarm');
  const members: RunMember[] = [];
  for (const name of names) {
    const { folder: peerFolder, keyPath } = placesOf(folder, name);
    await mkdir(peerFolder, { recursive: true });
    const { peerId } = await createIdentity(keyPath);
    members.push({ name, peerId, folder: peerFolder, keyPath });
  }
  return members;
}

/** Takes back what createRunFolder made, where a run could not begin. */
export async function removeRunFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** A swarm's silos have keys, a simulation's have none: InputError `run-of-other-command` where the other one made the run. */
export function requireRunBy(
  command: 'swarm' | 'simulate',
  folder: string,
  firstName: string | undefined,
): void {
  const by =
    firstName !== undefined && existsSync(placesOf(folder, firstName).keyPath) ? 'swarm' : 'simulate';
  if (by === command) return;
  const experiment = join(folder, EXPERIMENT_FILE);
  throw new InputError(
    'run-of-other-command',
    `${folder} is a run of grapevine ${by}: go on with it by grapevine ${by} --resume ${folder}, or begin anew with grapevine ${command} ${experiment}`,
    { folder },
  );
}

/** The resolved experiment of an earlier run. InputError `run-missing`. */
export async function readRunExperiment(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, EXPERIMENT_FILE), 'utf8');
  } catch (cause) {
    throw new InputError(
      'run-missing',
      `${folder} holds no ${EXPERIMENT_FILE}; give the directory that an earlier run printed as its own`,
      { folder },
      { cause },
    );
  }
}

/** The peers of an earlier run, in the experiment's order. Errors of loadIdentity. */
export async function openRunFolder(folder: string, names: readonly string[]): Promise<readonly RunMember[]> {
  const members: RunMember[] = [];
  for (const name of names) {
    const { folder: peerFolder, keyPath } = placesOf(folder, name);
    const { peerId } = await loadIdentity(keyPath);
    members.push({ name, peerId, folder: peerFolder, keyPath });
  }
  return members;
}

/** Where the peers of an earlier run go on from. */
export interface ResumePoint {
  /** Each from the same round; or, where nothing recent is common to all, each from its newest, and who is behind catches up. */
  readonly resume: { readonly kind: 'round'; readonly round: number } | { readonly kind: 'newest' };
  /** Checkpoints that were passed over, for people. */
  readonly problems: readonly string[];
}

/**
 * The greatest round of which every peer has a readable checkpoint; round 0 needs none. A peer that had stood still while the
 * others went on may have none in common with them: then going back to round 0 would throw away more than `keptRounds` rounds.
 */
export async function resumePoint(
  members: readonly Pick<RunMember, 'name' | 'folder'>[],
  digests: ExpectedDigests,
  keptRounds: number,
): Promise<ResumePoint> {
  const storages = members.map(({ folder }) => fileStorage(folder));
  const rounds = await Promise.all(storages.map(checkpointRounds));
  const candidates = (rounds[0] ?? []).filter((round) => rounds.every((list) => list.includes(round)));
  const problems: string[] = [];
  for (const round of candidates) {
    const found = await Promise.all(storages.map((storage) => newestCheckpoint(storage, digests, round)));
    const bad = found.flatMap(({ checkpoint, problems: [first] }, peer) =>
      checkpoint?.round === round || first === undefined ? [] : [`${members[peer]?.name}: ${first}`],
    );
    if (bad.length === 0) return { resume: { kind: 'round', round }, problems };
    problems.push(...bad);
  }
  const newest = Math.max(0, ...rounds.flat());
  return { resume: newest > keptRounds ? { kind: 'newest' } : { kind: 'round', round: 0 }, problems };
}

/** Writes a file of the run atomically. OperatingError as Storage. */
export async function writeRunFile(folder: string, name: string, text: string): Promise<void> {
  await fileStorage(folder).write(name, new TextEncoder().encode(text));
}

/** Where a peer of a run keeps its files. */
export function peerFolderOf(folder: string, name: string): string {
  return join(folder, 'peers', name);
}

function placesOf(folder: string, name: string): { folder: string; keyPath: string } {
  const peerFolder = peerFolderOf(folder, name);
  return { folder: peerFolder, keyPath: join(peerFolder, KEY_FILE) };
}
