/**
 * npm run fuzz -- [--schedules 1000] [--seed 1] [--from 0] [--rule NAME] [--save FILE] | --scenario FILE
 * Draws fault schedules, runs each on virtual time with every invariant watching, shrinks what fails and prints how to run it again.
 * The last line counts what was found; exit code 1 if anything was.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fuzz, ruleVariants, runTrial, shrinkFailure } from '../dist/simulate/fuzz/index.js';

const PROGRESS_MS = 2_000;
/** One of each kind of failure is made small, and so many at most: it takes hundreds of trials. */
const SHRUNK_MAX = 4;

const HELP = `npm run fuzz -- [options]
  --schedules N   fault schedules to run (1000)
  --seed S        what they are drawn from (1)
  --from I        the number of the first one under the seed (0)
  --rule NAME     of this exchange rule only
  --save FILE     where the first failing one goes, made small
  --scenario FILE run the one in this file instead
Exit code 0: nothing found; 1: something found; 2: bad input.`;

const values = optionsGiven();

function optionsGiven() {
  try {
    const { values: given } = parseArgs({
      options: {
        schedules: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        from: { type: 'string', default: '0' },
        rule: { type: 'string' },
        save: { type: 'string' },
        scenario: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (!given.help) return given;
    console.log(HELP);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
}

/** @param {string} name */
function whole(name, least) {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  console.error(`--${name} is ${values[name]}; it takes a whole number from ${least}`);
  process.exit(2);
}

function variantsOf(rule) {
  const variants =
    rule === undefined ? ruleVariants : ruleVariants.filter((variant) => variant.rule === rule);
  if (variants.length > 0) return variants;
  const names = [...new Set(ruleVariants.map((variant) => variant.rule))].join(', ');
  console.error(`--rule is ${rule}; wanted one of ${names}`);
  process.exit(2);
}

function describe({ rule, options, topology, peerCount }) {
  return `${rule} ${JSON.stringify(options)} on ${topology.kind} of ${peerCount}`;
}

async function runOne(file) {
  const scenario = scenarioIn(file);
  console.log(describe(scenario));
  const outcome = await runTrial(scenario);
  console.log(outcome.kind === 'held' ? `held: ${outcome.eventCount} events` : outcome.message);
  return outcome.kind === 'held' ? 0 : 1;
}

function scenarioIn(file) {
  try {
    const scenario = JSON.parse(readFileSync(file, 'utf8'));
    if (Array.isArray(scenario?.schedule?.faults) && scenario.topology?.kind !== undefined) return scenario;
    console.error(`${file} holds no scenario; wanted a file that --save wrote`);
  } catch (error) {
    console.error(`cannot read ${file}: ${error.message}; wanted a file that --save wrote`);
  }
  return process.exit(2);
}

/** The first one is also saved where that was asked for. */
async function explain({ index, scenario, outcome }, seed, isFirst) {
  console.log(`\nschedule ${index}, ${describe(scenario)}: ${outcome.message}`);
  const { scenario: small, failure, trials } = await shrinkFailure(scenario, outcome);
  const faults = small.schedule.faults;
  console.log(
    `shrunk from ${scenario.schedule.faults.length} to ${faults.length} faults in ${trials} trials:`,
  );
  for (const fault of faults) console.log(`  ${JSON.stringify(fault)}`);
  if (failure.message !== outcome.message) console.log(`  ${failure.message}`);
  console.log(`again: npm run fuzz -- --seed ${seed} --from ${index} --schedules 1${ruleOption()}`);
  if (isFirst && values.save !== undefined) {
    writeFileSync(values.save, `${JSON.stringify(small, null, 2)}\n`);
    console.log(`saved: npm run fuzz -- --scenario ${values.save}`);
  }
}

/** A rule named on the command line is part of what is drawn. */
function ruleOption() {
  return values.rule === undefined ? '' : ` --rule ${values.rule}`;
}

async function runMany() {
  const schedules = whole('schedules', 1);
  const seed = whole('seed', 0);
  const from = whole('from', 0);
  const counts = { held: 0, violations: 0, hangs: 0, crashes: 0 };
  const explained = new Set();
  const startedMs = performance.now();
  let saidMs = startedMs;
  let events = 0;
  for await (const trial of fuzz({ seed, schedules, from, variants: variantsOf(values.rule) })) {
    const { outcome } = trial;
    if (outcome.kind === 'held') {
      counts.held += 1;
      events += outcome.eventCount;
    } else {
      const kind =
        outcome.kind === 'crashed' ? 'crashes' : outcome.invariant === 'progress' ? 'hangs' : 'violations';
      counts[kind] += 1;
      const what = `${trial.scenario.rule} ${outcome.kind} ${outcome.invariant ?? ''}`;
      if (!explained.has(what) && explained.size < SHRUNK_MAX) {
        explained.add(what);
        await explain(trial, seed, explained.size === 1);
      }
    }
    if (performance.now() - saidMs > PROGRESS_MS) {
      saidMs = performance.now();
      console.log(`${trial.index - from + 1}/${schedules} schedules, ${events} events`);
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${schedules} schedules of seed ${seed}, ${events} events in ${seconds.toFixed(1)} s: ` +
      `${counts.violations} violations, ${counts.hangs} hangs, ${counts.crashes} crashes`,
  );
  return counts.held === schedules ? 0 : 1;
}

process.exitCode = await (values.scenario === undefined ? runMany() : runOne(values.scenario));
