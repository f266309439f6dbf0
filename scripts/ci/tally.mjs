/**
 * The last line of a CI run: each test counts, and each part that has no tests of its own (checks, smoke runs).
 * Usage: node scripts/ci/tally.mjs FOLDER, with vitest's JSON reports and one NAME.part ("pass" or "fail") per part.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const names = readdirSync(folder);
const count = { passed: 0, failed: 0, skipped: 0 };

for (const name of names.filter((file) => file.endsWith('.part'))) {
  const part = name.slice(0, -'.part'.length);
  const passed = readFileSync(join(folder, name), 'utf8').trim() === 'pass';
  const report = names.includes(`${part}.json`)
    ? JSON.parse(readFileSync(join(folder, `${part}.json`), 'utf8'))
    : undefined;
  if (report === undefined) {
    count[passed ? 'passed' : 'failed'] += 1;
    continue;
  }
  count.passed += report.numPassedTests;
  count.failed += report.numFailedTests;
  count.skipped += report.numPendingTests + report.numTodoTests;
  // A file that does not load, or an error outside a test, fails the run without failing a test.
  if (!passed && report.numFailedTests === 0) count.failed += 1;
}

console.log(
  `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`,
);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
