/**
 * Makes a failing scenario small: faults are taken away for as long as it still fails in the same way (delta debugging, Zeller and
 * Hildebrandt 2002: ever smaller groups), then those left are made milder one by one.
 */
import type { Fault } from '../../faults/fault.ts';
import type { Scenario } from './scenario.ts';

/** Trials that one shrinking may cost. */
const TRIALS_MAX = 400;

export interface Shrunk {
  readonly scenario: Scenario;
  readonly trials: number;
}

/** `fails`: whether a scenario fails in the way that is to be kept. The one given does. */
export async function shrink(
  scenario: Scenario,
  fails: (candidate: Scenario) => Promise<boolean>,
): Promise<Shrunk> {
  let trials = 0;
  let best = scenario;
  const attempt = async (candidate: Scenario): Promise<boolean> => {
    if (trials >= TRIALS_MAX) return false;
    trials += 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = faultsOf(best).length; size >= 1; ) {
    const removed = await removeGroup(best, size, attempt);
    if (!removed) size = Math.floor(size / 2);
    else size = Math.min(size, faultsOf(best).length);
  }
  for (let index = 0; index < faultsOf(best).length; index++) {
    for (const milder of milderFaults(faultsOf(best)[index] as Fault)) {
      const faults = faultsOf(best).map((fault, other) => (other === index ? milder : fault));
      await attempt(withFaults(best, faults));
    }
  }
  return { scenario: best, trials };
}

async function removeGroup(
  scenario: Scenario,
  size: number,
  attempt: (candidate: Scenario) => Promise<boolean>,
): Promise<boolean> {
  const faults = faultsOf(scenario);
  for (let start = 0; start < faults.length; start += size) {
    const left = [...faults.slice(0, start), ...faults.slice(start + size)];
    if (await attempt(withFaults(scenario, left))) return true;
  }
  return false;
}

/** The same fault with less of it: one peer or arc, half the time. */
function milderFaults(fault: Fault): Fault[] {
  const milder: Fault[] = [];
  if ('toMs' in fault && fault.toMs !== undefined)
    milder.push({ ...fault, toMs: fault.fromMs + (fault.toMs - fault.fromMs) / 2 });
  if ('jitterMs' in fault && fault.jitterMs !== undefined) milder.push({ ...fault, jitterMs: 0 });
  return milder;
}

function faultsOf({ schedule }: Scenario): readonly Fault[] {
  return schedule.faults;
}

function withFaults(scenario: Scenario, faults: readonly Fault[]): Scenario {
  return { ...scenario, schedule: { ...scenario.schedule, faults } };
}
