/**
 * The gate on imports: src/ keeps to the rules of .dependency-cruiser.mjs, the reading of src/ found something, every
 * rule fires on a seeded breach, and ARCHITECTURE.md draws what the code imports (`npm run graph` redraws it).
 */
import { cruise } from './imports/cruise.mjs';
import { graphIsFresh, mermaid, writeGraph } from './imports/graph.mjs';
import { checkSeeds } from './imports/seeds.mjs';
import { root } from './set-up/paths.mjs';

/** Fewer modules than this mean that src/ was not understood (a TypeScript that dependency-cruiser cannot read). */
const MODULES_MIN = 20;

const { modules, violations } = await cruise(root);
const ours = modules.filter(({ source }) => source.startsWith('src/'));
const graph = mermaid(ours);

if (process.argv.includes('--write')) {
  writeGraph(graph);
  console.log('ARCHITECTURE.md redrawn');
} else {
  const problems = violations.map(({ rule, from, to }) => `${rule}: ${from} → ${to}`);
  if (ours.length < MODULES_MIN) problems.push(`only ${ours.length} modules were read from src/`);
  problems.push(...(await checkSeeds()));
  if (!graphIsFresh(graph))
    problems.push('ARCHITECTURE.md draws other imports than the code has: run npm run graph');
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log(`imports: ${ours.length} modules keep to the DAG; every rule fires`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
