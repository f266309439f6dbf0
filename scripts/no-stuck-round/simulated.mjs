/** Fault schedules on virtual time, every one beside the same run without faults: hangs, crashes, and the live peers' pace. */
import { ruleVariants, runTrial } from '../../dist/simulate/fuzz/index.js';
import { drawScenario, overlayOfScenario } from '../../dist/simulate/fuzz/scenario.js';
import { longestPauseMs, roundRate, windowsAfter } from './rate.mjs';
import { faultInstants, scheduleOf, touchedPeers } from './schedules.mjs';
import { isTolerated } from './tolerance.mjs';

const ROUNDS = 120;
/** As the trial's own deadlines are set: the ceiling of one. */
const DEADLINE_MS = 1_000;
const UNTIL_MS = 6_000;

export async function simulatedRuns({ from, schedules, seed, rules, isKnown, onResult }) {
  const variants = ruleVariants.filter(({ rule }) => rules === undefined || rules.includes(rule));
  for (let index = from; index < from + schedules; index++) {
    if (isKnown(index)) continue;
    const drawn = { ...drawScenario(seed, index, variants), rounds: ROUNDS };
    const overlay = overlayOfScenario(drawn);
    const { schedule, intensity } = scheduleOf({
      seed,
      index,
      untilMs: UNTIL_MS,
      peerCount: drawn.peerCount,
      arcs: overlay.arcs,
    });
    const calm = await watched({ ...drawn, schedule: { ...schedule, faults: [] } });
    const hurt = await watched({ ...drawn, schedule });
    onResult(judged({ index, drawn, overlay, schedule, intensity, calm, hurt }));
  }
}

async function watched(scenario) {
  const rounds = Array.from({ length: scenario.peerCount }, () => []);
  const exclusions = [];
  const outcome = await runTrial(scenario, {
    saboteur: () => ({
      onRecord(peer, note, nowMs) {
        // Waiting for who comes late, before the first round, is no round.
        const beganMs = rounds[peer].at(-1)?.toMs ?? nowMs - (note.endedMs - note.beganMs);
        rounds[peer].push({ fromMs: beganMs, toMs: nowMs });
        for (const { reason } of note.excluded) exclusions.push(reason);
      },
    }),
  });
  return { outcome, rounds, exclusions };
}

function judged({ index, drawn, overlay, schedule, intensity, calm, hurt }) {
  const { rule, options } = drawn;
  const touched = touchedPeers(schedule);
  const pardoned = windowsAfter(faultInstants(schedule), DEADLINE_MS);
  const ratios = [];
  for (const [peer, rounds] of hurt.rounds.entries()) {
    const usual = roundRate(calm.rounds[peer], []);
    const rate = touched.has(peer) ? undefined : roundRate(rounds, pardoned);
    if (rate !== undefined && usual > 0) ratios.push(rate / usual);
  }
  const isJudged = isTolerated({ rule, options, overlay, schedule });
  return {
    index,
    rule,
    intensity,
    schedule,
    where: `${overlay.name} of ${drawn.peerCount}`,
    outcome:
      hurt.outcome.kind === 'held'
        ? 'ended'
        : hurt.outcome.kind === 'crashed'
          ? 'crash'
          : hurt.outcome.invariant === 'progress'
            ? 'hang'
            : 'violation',
    message: hurt.outcome.message,
    rateRatio: ratios.length === 0 ? undefined : Math.min(...ratios),
    isJudged,
    exclusions: hurt.exclusions,
    pauseMs: Math.max(
      0,
      ...hurt.rounds.flatMap((rounds, peer) => (touched.has(peer) ? [] : [longestPauseMs(rounds)])),
    ),
  };
}
