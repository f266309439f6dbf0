/**
 * npm run bench:start -- [--times 5] [--main dist/main.js] [--against OTHER/dist/main.js]
 * What a lone silo takes from its start to its first round, begun afresh and back after kill -9: CPU-seconds (all threads) and seconds. Three silos
 * on a ring over loopback; the others go on meanwhile, so the seconds are those of a machine that has other work. `--against`: another
 * build does the same in turn, and the ratio of the medians is told. Linux only (/proc).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeSilos } from './lone-silos/silos.mjs';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '5' },
    main: { type: 'string', default: fileURLToPath(new URL('../dist/main.js', import.meta.url)) },
    against: { type: 'string' },
  },
});
const TICKS_PER_SECOND = 100;
const SAVED_ROUNDS = 20;
const EXPERIMENT = {
  name: 'start',
  data: { dataset: 'digits', silos: 3 },
  model: 'softmax',
  train: { learningRate: 0.05, batchSize: 16, localSteps: 20 },
  topology: { kind: 'ring' },
  checkpoint: { everyRounds: SAVED_ROUNDS / 2 },
  stop: { rounds: 1_000_000 },
};

/** A silo's process, and what its record says. */
class Silo {
  constructor(main, { file, runFolder }) {
    this.log = join(runFolder, 'events.jsonl');
    this.folder = runFolder;
    this.from = existsSync(this.log) ? readFileSync(this.log).length : 0;
    this.startedMs = performance.now();
    this.child = spawn(process.execPath, [resolve(main), 'peer', file, '--quiet'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.stderr = '';
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.ended = new Promise((done) => this.child.on('close', done));
  }

  /** Resolves when `isThere` finds what it looks for in what this process has written. */
  async until(isThere) {
    let poll;
    const found = new Promise((done) => {
      poll = setInterval(() => {
        const text = existsSync(this.log) ? readFileSync(this.log).subarray(this.from).toString('utf8') : '';
        if (isThere(text)) done();
      }, 10);
    });
    const code = await Promise.race([found, this.ended]);
    clearInterval(poll);
    if (code !== undefined) throw new Error(`a silo ended with ${code}: ${this.stderr.slice(-2_000)}`);
  }

  /** User and system time of all its threads; the name in brackets before may hold anything. */
  get cpuSeconds() {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  get seconds() {
    return (performance.now() - this.startedMs) / 1000;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

const roundsIn = (text) => [...text.matchAll(/^\{"type":"round".*$/gm)].map(([line]) => JSON.parse(line));
/** A round that it did with a neighbour. */
const mixed = (text) => roundsIn(text).some(({ excluded }) => excluded.length < 2);

async function once(main) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-start-'));
  const running = [];
  try {
    const silos = await makeSilos(folder, EXPERIMENT);
    for (const silo of silos) running.push(new Silo(main, silo));
    const measured = running[0];
    await measured.until(mixed);
    const fresh = { cpuSeconds: measured.cpuSeconds, seconds: measured.seconds };
    await measured.until((text) => roundsIn(text).at(-1)?.round > SAVED_ROUNDS);
    await measured.kill();
    const again = new Silo(main, silos[0]);
    running.push(again);
    await again.until(mixed);
    const back = { cpuSeconds: again.cpuSeconds, seconds: again.seconds };
    return { fresh, back };
  } finally {
    await Promise.all(running.map((silo) => silo.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const builds = values.against === undefined ? [values.main] : [values.main, values.against];
const runs = builds.map(() => []);
for (let time = 0; time < Number(values.times); time++)
  for (const [index, main] of builds.entries()) runs[index].push(await once(main));

for (const kind of ['fresh', 'back']) {
  const medians = runs.map((list, index) => {
    const of = (what) => list.map((run) => run[kind][what]);
    const listed = (what) =>
      of(what)
        .map((value) => value.toFixed(2))
        .join(' ');
    const cpu = median(of('cpuSeconds'));
    console.log(
      `${kind === 'fresh' ? 'begun afresh' : 'back after kill -9'}, ${builds[index]}: ${cpu.toFixed(2)} CPU-s (${listed('cpuSeconds')}), ${median(of('seconds')).toFixed(1)} s (${listed('seconds')}) to the first round`,
    );
    return cpu;
  });
  if (medians.length === 2)
    console.log(`  ${(medians[1] / medians[0]).toFixed(2)} times as much CPU in the other build`);
}
