/** The walk-through of docs/OWN-DATA.md in a folder of its own, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSummary } from '../../src/record/index.ts';
import { freePorts } from '../transport/free-ports.ts';
import { run } from './run.ts';

const EXAMPLE = fileURLToPath(new URL('../../topologies/own-data', import.meta.url));
export const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
export const SILOS = ['biscoe', 'dream', 'torgersen'] as const;

export interface OwnData {
  readonly folder: string;
  readonly peerIds: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, number>>;
  /** Silo file of a name. */
  silo(name: string): string;
  runFolder(name: string): string;
  /** Replaces text in a file of the folder; fails where it is not there. */
  edit(file: string, from: string | RegExp, to: string): Promise<void>;
  remove(): Promise<void>;
}

/** Keys, membership and silo files, made with the commands that the walk-through names. */
export async function ownData(): Promise<OwnData> {
  const folder = await mkdtemp(join(tmpdir(), 'grapevine-own-data-'));
  await cp(EXAMPLE, folder, {
    recursive: true,
    filter: (path) => !/\/(keys|runs|members\.yaml)$/.test(path),
  });
  const edit: OwnData['edit'] = async (file, from, to) => {
    const path = join(folder, file);
    const before = await readFile(path, 'utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${file} has no ${from}`);
    await writeFile(path, after);
  };
  const peerIds: Record<string, string> = {};
  for (const name of ['operator', ...SILOS]) {
    peerIds[name] = (
      await succeed('--json', 'identity', 'create', join(folder, 'keys', `${name}.pem`))
    ).peerId;
  }
  const free = await freePorts(SILOS.length);
  const ports = Object.fromEntries(SILOS.map((name, index) => [name, free[index] as number]));
  const members = join(folder, 'members.yaml');
  const listed = SILOS.flatMap((name) => [
    '--member',
    `${name}=${peerIds[name]}@/ip4/127.0.0.1/tcp/${ports[name]}`,
  ]);
  await succeed('--json', 'membership', 'create', members, '--experiment', 'own-data', ...listed);
  await succeed('--json', 'membership', 'sign', members, '--key', join(folder, 'keys/operator.pem'));
  for (const name of SILOS) {
    await edit(`silo-${name}.yaml`, 'OPERATOR_PEER_ID', peerIds.operator as string);
    await edit(`silo-${name}.yaml`, /listen: \[.*?\]/, `listen: [/ip4/127.0.0.1/tcp/${ports[name]}]`);
  }
  return {
    folder,
    peerIds,
    ports,
    edit,
    silo: (name) => join(folder, `silo-${name}.yaml`),
    runFolder: (name) => join(folder, 'runs', name),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function succeed(...argv: string[]): Promise<{ peerId: string }> {
  const { exitCode, stdout, stderr } = await run(...argv);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

/** A process of the built command line whose output can be waited for. */
export class Running {
  output = '';
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(...argv: string[]) {
    this.child = spawn(process.execPath, [BUILT, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const look of this.#waiting) look();
      });
    }
    this.exited = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
  }

  /** Resolves when the output has it; rejects when the process ends before. */
  async says(pattern: RegExp): Promise<void> {
    const said = new Promise<true>((resolve) => {
      const look = (): void => {
        if (pattern.test(this.output)) resolve(true);
      };
      this.#waiting.add(look);
      look();
    });
    const outcome = await Promise.race([said, this.exited]);
    if (outcome !== true && !pattern.test(this.output)) {
      throw new Error(`ended with ${outcome} before it said ${pattern}:\n${this.output}`);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Of a run that has ended. */
export async function summaryOf(folder: string) {
  const file = join(folder, 'summary.json');
  return parseSummary(await readFile(file, 'utf8'), file);
}

/** Resolves when the run has written a checkpoint of this round or a later one. */
export function checkpointOf(runFolder: string, round: number): Promise<void> {
  const folder = join(runFolder, 'checkpoints');
  return new Promise((resolve) => {
    const watchers: FSWatcher[] = [];
    const look = (): void => {
      if (existsSync(folder) && watchers.length === 1) watchers.push(watch(folder, look));
      const names = existsSync(folder) ? readdirSync(folder) : [];
      if (!names.some((name) => /^\d+\.ckpt$/.test(name) && Number.parseInt(name, 10) >= round)) return;
      for (const watcher of watchers) watcher.close();
      resolve();
    };
    watchers.push(watch(runFolder, look));
    look();
  });
}
