/**
 * What a simulation writes into its run's directory: the same files as a swarm. Logs are gathered in memory and written in pieces;
 * nothing waits for the disk, because the same command writes the same bytes again.
 */
import { join } from 'node:path';
import { present } from '../base/assert.ts';
import { type CheckpointPolicy, newestCheckpoint, writeCheckpoint } from '../node/checkpoint-store.ts';
import { nextIncarnation } from '../node/incarnation.ts';
import { PARAMS_FILE, paramsMetadata } from '../node/run-peer.ts';
import type { Vector } from '../params/layout.ts';
import { type Layout, layoutDigest } from '../params/layout.ts';
import { encodeSafetensors } from '../params/safetensors.ts';
import type { SimulatedCheckpoint } from '../simulate/index.ts';
import { type FileStorage, fileStorage } from '../storage/files.ts';
import { rotatingLog } from '../storage/log.ts';
import { peerFolderOf } from '../swarm/run-folder.ts';
import type { ModelShape } from '../train/spec.ts';

/** From so many peers on they share one log: as many open files and folders would cost more than what is in them. */
const OWN_LOGS_MAX = 100;
const EVENTS_FILE = 'events.jsonl';
/** A simulation's log is as long as its events: it is never cut. */
const UNBOUNDED_LOG = { segmentBytesMax: Number.MAX_SAFE_INTEGER, segmentsMax: 1024 };
/** Gathered before it is written. */
const PIECE_CHARACTERS = 1 << 16;

export interface FolderOptions {
  readonly folder: string;
  readonly experimentName: string;
  readonly experimentDigest: string;
  readonly names: readonly string[];
  readonly checkpoints: CheckpointPolicy;
  readonly shape: ModelShape;
  readonly layout: Layout;
}

interface GatheredLog {
  readonly path: string;
  lines: string[];
  characters: number;
  /** A piece did not get out, or not whole: nothing may follow it, or the log would have a hole. */
  isCut: boolean;
}

export class SimulationFolder {
  readonly #options: FolderOptions;
  readonly #root: FileStorage;
  readonly #peers: readonly FileStorage[];
  readonly #digests: { readonly experimentDigest: string; readonly layoutDigest: string };
  /** The last checkpoint of each peer: one follows another. */
  readonly #writing = new Map<number, Promise<void>>();
  readonly #logs: GatheredLog[];

  constructor(options: FolderOptions) {
    const { folder, names, experimentDigest, layout } = options;
    this.#options = options;
    this.#digests = { experimentDigest, layoutDigest: layoutDigest(layout) };
    this.#root = fileStorage(folder);
    this.#peers = names.map((name) => fileStorage(peerFolderOf(folder, name), { isDurable: false }));
    const paths =
      names.length > OWN_LOGS_MAX ? [EVENTS_FILE] : names.map((name) => `peers/${name}/${EVENTS_FILE}`);
    this.#logs = paths.map((path) => ({ path, lines: [], characters: 0, isCut: false }));
  }

  append(peer: number, line: string): void {
    const log = present(this.#logs[this.#logs.length === 1 ? 0 : peer], `log of peer ${peer}`);
    log.lines.push(line);
    log.characters += line.length;
    if (log.characters >= PIECE_CHARACTERS) this.#write(log);
  }

  /** Makes ready to go on: what a dying process tore off is cut, and this start is counted; from 1. */
  async open(): Promise<number> {
    for (const { path } of this.#logs) await rotatingLog(this.#root, path, UNBOUNDED_LOG);
    return nextIncarnation(this.#root, undefined);
  }

  /** Writes out what is gathered, each log as far as it gets. OperatingError as Storage; what did not get out is given up. */
  flush(): void {
    const failures: unknown[] = [];
    for (const log of this.#logs) {
      try {
        this.#write(log);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Before a checkpoint is there, the logs lead to it. */
  async checkpoint(
    peer: number,
    { round, params, ruleSnapshot, optimizer }: SimulatedCheckpoint,
  ): Promise<void> {
    this.flush();
    const storage = present(this.#peers[peer], `folder of peer ${peer}`);
    const before = this.#writing.get(peer) ?? Promise.resolve();
    const written = before.then(async () =>
      writeCheckpoint(
        storage,
        { round, params, ruleSnapshot, optimizer: await optimizer, ...this.#digests },
        this.#options.checkpoints,
      ),
    );
    this.#writing.set(peer, written);
    await written;
  }

  /** The checkpoint of exactly this round; undefined where it is gone or unreadable. */
  async readCheckpoint(peer: number, round: number): Promise<SimulatedCheckpoint | undefined> {
    const storage = present(this.#peers[peer], `folder of peer ${peer}`);
    const { checkpoint } = await newestCheckpoint(storage, this.#digests, round);
    if (checkpoint === undefined || checkpoint.round !== round) return undefined;
    return { ...checkpoint, optimizer: Promise.resolve(checkpoint.optimizer) };
  }

  async writeParams(peer: number, round: number, params: Vector): Promise<void> {
    const { experimentName, experimentDigest, names, layout, shape } = this.#options;
    const name = present(names[peer], `name of peer ${peer}`);
    const metadata = paramsMetadata({ experimentName, experimentDigest, trainer: shape }, name, round);
    const bytes = encodeSafetensors({ layout, params, metadata });
    await present(this.#peers[peer], `folder of peer ${peer}`).write(PARAMS_FILE, bytes);
  }

  /** All silos write into one log. */
  get isJoint(): boolean {
    return this.#options.names.length > OWN_LOGS_MAX;
  }

  /** Where the logs are, for people. */
  get logs(): string {
    const { folder } = this.#options;
    return this.isJoint ? join(folder, EVENTS_FILE) : join(folder, 'peers', '*', EVENTS_FILE);
  }

  #write(log: GatheredLog): void {
    if (log.lines.length === 0) return;
    const text = `${log.lines.join('\n')}\n`;
    log.lines = [];
    log.characters = 0;
    if (log.isCut) return;
    log.isCut = true;
    this.#root.append(log.path, text);
    log.isCut = false;
  }

  close(): void {
    this.#root.close();
  }
}
