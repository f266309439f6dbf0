/**
 * An experiment on virtual time, watched while it runs and ended when enough is known. Training is that of `grapevine simulate`, step for
 * step; nothing is written.
 */
import { swarmData } from '../../dist/compose.js';
import { composeSimulation } from '../../dist/compose-simulation.js';
import { parseExperiment } from '../../dist/experiment/index.js';
import { simulate } from '../../dist/simulate/index.js';

/**
 * @param {object} experiment an experiment file, as an object
 * @param {(view: {nowMs: number, accuracies: number[], rounds: number[], trainings: number[], bytesSent: number[]}) => boolean} look called when a peer has done and evaluated a
 *   round, with the last accuracy on the global test set and the last round of each peer (0 before the first), how often each has done
 *   its local updates, and the bytes that each has put on the wire, frame and head of each message included; true ends the run
 */
export async function watched(experiment, look) {
  const parsed = parseExperiment(JSON.stringify(experiment), { file: 'figure.json' });
  const { peers, world } = await composeSimulation(parsed, await swarmData(parsed));
  const accuracies = peers.map(() => 0);
  const rounds = peers.map(() => 0);
  const trainings = peers.map(() => 0);
  const bytesSent = peers.map(() => 0);
  const enough = new AbortController();
  const observer = {
    onStep(peer, { kind }) {
      if (kind === 'trained') trainings[peer] += 1;
    },
    onSend(peer, { to }, frameBytes) {
      bytesSent[peer] += frameBytes * to.length;
    },
    async onEvaluate(peer, round, params, nowMs) {
      accuracies[peer] = (await peers[peer].trainer.evaluate(params, 'global')).accuracy;
      rounds[peer] = round;
      if (look({ nowMs, accuracies, rounds, trainings, bytesSent })) enough.abort();
      return false;
    },
  };
  try {
    await simulate(peers, {
      ...world,
      seed: parsed.seed,
      observer,
      secondsMax: parsed.stop.seconds,
      interruption: enough.signal,
    });
  } finally {
    for (const { trainer } of peers) await trainer.dispose();
  }
}
