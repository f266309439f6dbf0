/** Fault schedules on real processes: small swarms of `grapevine swarm`, watched from outside and judged by their own records. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOverlay } from '../../dist/topology/index.js';
import { longestPauseMs, median, roundRate, windowsAfter } from './rate.mjs';
import { faultInstants, keepsAllData, scheduleOf, touchedPeers } from './schedules.mjs';
import { isTolerated } from './tolerance.mjs';

const GRAPEVINE = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PEERS = 5;
const DEADLINE = { floorMs: 200, ceilingMs: 1_000, downGraceMs: 100 };
/** A swarm that has not ended by then hangs: starting, the run, a drain, on a machine that does other things too. */
const HANG_MS = 180_000;
/** Runs without faults per rule: asynchronous ones never come to the same twice, and how far apart they are is said. */
const CALM_RUNS = 4;
/**
 * Every round lasts at least so long: the pace is then less that of the machine, and while a silo is away the others, with the processor
 * to themselves, do not do most of the run without its data. A killed silo's new process takes a second before it is back, several on a
 * busy machine: of a run of 12 s that is a modest part.
 */
const PERIOD_MS = 100;
const LOCAL_STEPS = 4;
const REASONS = new Set(['deadline', 'down', 'left', 'absent', 'ahead', 'late']);

/** `calm`: what runs without faults came to, by rule; added to. `isKnown(index)`: it need not be run again. */
export async function realRuns({
  from,
  schedules,
  seed,
  rules,
  rounds,
  folder,
  accuracyLossMax,
  calm,
  isKnown,
  onCalm,
  onResult,
}) {
  const overlay = buildOverlay({ kind: 'ring' }, PEERS);
  for (let index = from; index < from + schedules; index++) {
    if (isKnown(index)) continue;
    const rule = rules[index % rules.length];
    calm[rule] ??= [];
    const own = calm[rule];
    while (own.length < CALM_RUNS) {
      own.push(calmOf(await swarm({ rule, seed, rounds, folder })));
      onCalm();
    }
    // The faults come while the run without them would still go on.
    const untilMs = Math.round(0.8 * lengthMs(own));
    const drawn = scheduleOf({ seed, index, untilMs, peerCount: PEERS, arcs: overlay.arcs });
    const again = () => swarm({ rule, seed, rounds, folder, schedule: drawn.schedule });
    const runs = [await again()];
    // One run against the mean of several: who falls behind by chance runs as often as they did.
    if ((accuracyLossOf(drawn.schedule, runs, own) ?? 0) > accuracyLossMax)
      while (runs.length < CALM_RUNS) runs.push(await again());
    onResult(judged({ index, rule, overlay, ...drawn, runs, calm: own }));
  }
}

/** What is kept of a run without faults. */
function calmOf({ peers, summary, code, stderr }) {
  if (summary === undefined)
    throw new Error(`a run without faults ended with ${code}: ${stderr.slice(-2_000)}`);
  return {
    endsMs: peers.flatMap(({ lives }) => lives[0]?.rounds.at(-1)?.toMs ?? []),
    rates: peers.flatMap(({ lives }) => roundRate(lives[0]?.rounds ?? [], []) ?? []),
    accuracy: summary.accuracy.together?.mean,
  };
}

function lengthMs(runs) {
  return Math.max(1_000, median(runs.flatMap(({ endsMs }) => endsMs)) || 0);
}

function experimentOf({ rule, seed, rounds, schedule }) {
  return {
    name: 'no-stuck-round',
    seed,
    data: { dataset: 'digits', silos: PEERS, partition: { kind: 'dirichlet', alpha: 1 }, testShare: 0.2 },
    model: 'softmax',
    // A rate that falls, and the exact mean of all silos' models at the end: the last few steps of each silo, and whom it mixed with last, are
    // a point of accuracy by themselves, with or without faults.
    train: {
      learningRate: 0.3,
      schedule: { kind: 'cosine', steps: LOCAL_STEPS * rounds, floor: 0.05 },
      batchSize: 16,
      localSteps: LOCAL_STEPS,
      backend: 'cpu',
    },
    aggregate: { params: true },
    topology: { kind: 'ring' },
    exchange: { rule, deadline: DEADLINE, periodMs: PERIOD_MS },
    evaluate: { everyRounds: 1_000 },
    checkpoint: { everyRounds: 5, keep: 2 },
    stop: { rounds },
    ...(schedule === undefined ? {} : { faults: { schedule } }),
  };
}

async function swarm({ folder, ...what }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'experiment.json');
  const out = join(folder, 'run');
  writeFileSync(file, JSON.stringify(experimentOf(what)));
  const child = spawn(
    process.execPath,
    [GRAPEVINE, 'swarm', '--json', '--restarts', '0', '--out', out, file],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  let hung = false;
  const patience = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, HANG_MS);
  const code = await new Promise((resolve) => child.on('close', (exit, signal) => resolve(exit ?? signal)));
  clearTimeout(patience);
  const summary = parsed(stdout);
  const peers = Array.from({ length: PEERS }, (_, peer) => peerRecords(join(out, 'peers', `silo-${peer}`)));
  // Who dies without the schedule's doing.
  const crashes = stderr.match(/^.* died \(.*$/gm) ?? [];
  return { hung, code, summary, peers, crashes, stderr };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The rounds of every life of a peer, on the schedule's time as far as its first life tells it. */
function peerRecords(folder) {
  const path = join(folder, 'events.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  const lives = [];
  let unexplained = 0;
  for (const line of lines.map(parsed)) {
    if (line === undefined) continue;
    if (line.type === 'run') lives.push({ rounds: [], fromMs: 0, backMs: undefined });
    const life = lives.at(-1);
    if (life === undefined) continue;
    if (line.type === 'notice' && line.what === 'gathered') life.fromMs = line.nowMs;
    if (line.type !== 'round' || line.nowMs === undefined) continue;
    const excluded = line.excluded ?? [];
    unexplained += excluded.filter(({ reason }) => !REASONS.has(reason)).length;
    if (excluded.length < 2) life.backMs ??= line.nowMs;
    const beganMs = life.rounds.at(-1)?.toMs ?? 0;
    life.rounds.push({ fromMs: beganMs, toMs: line.nowMs - life.fromMs });
  }
  return { lives, unexplained };
}

/** Points by which the mean of `runs` ends below that of the runs without faults; undefined where somebody's data are gone. */
function accuracyLossOf(schedule, runs, calm) {
  const accuracies = runs.flatMap(({ summary }) => summary?.accuracy.together?.mean ?? []);
  if (!keepsAllData(schedule) || accuracies.length === 0) return undefined;
  return 100 * (mean(calm.map(({ accuracy }) => accuracy)) - mean(accuracies));
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function outcomeOf({ hung, code, crashes }) {
  return hung ? 'hang' : code !== 0 || crashes.length > 0 ? 'crash' : 'ended';
}

/** The pace is the first run's, which was drawn; what went wrong, any run's; the accuracy, all runs'. */
function judged({ index, rule, overlay, schedule, intensity, runs, calm }) {
  const touched = touchedPeers(schedule);
  const pardoned = windowsAfter(faultInstants(schedule), DEADLINE.ceilingMs);
  const usual = median(calm.flatMap(({ rates }) => rates));
  const run = runs.find((one) => outcomeOf(one) !== 'ended') ?? runs[0];
  const untouched = run.peers.filter((_, peer) => !touched.has(peer));
  const rates = untouched.flatMap(({ lives }) => roundRate(lives[0]?.rounds ?? [], pardoned) ?? []);
  return {
    index,
    rule,
    intensity,
    schedule,
    runs: runs.length,
    outcome: outcomeOf(run),
    message: run.crashes.concat(run.code === 0 ? [] : [run.stderr.slice(-2_000)]).join('\n'),
    rateRatio: rates.length === 0 ? undefined : Math.min(...rates) / usual,
    isJudged: isTolerated({ rule, options: {}, overlay, schedule }),
    exclusions: (run.summary?.peers ?? []).flatMap(({ exclusionsByReason }) =>
      Object.entries(exclusionsByReason).flatMap(([reason, count]) => Array(count).fill(reason)),
    ),
    unexplained: run.peers.reduce((sum, { unexplained }) => sum + unexplained, 0),
    pauseMs: Math.max(0, ...untouched.map(({ lives }) => longestPauseMs(lives[0]?.rounds ?? []))),
    backMs: run.peers.flatMap(({ lives }) => lives.slice(1).flatMap(({ backMs }) => backMs ?? [])),
    accuracyLoss: accuracyLossOf(schedule, runs, calm),
  };
}
