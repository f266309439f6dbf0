import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist/cli/steady-heap.js', import.meta.url));

/** Objects that outlive the young generation, some tens of megabytes of them at any time; says how large the heap was at most, and its young part. */
const CHURN = `
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
const { keepHeapSteady } = await import(process.argv[1]);
if (process.argv[2] === 'steady') keepHeapSteady();
const ring = new Array(400_000);
const youngBytes = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
let most = 0;
let young = 0;
for (let at = 0; at < 4_000_000; at++) {
  ring[at % ring.length] = { at, more: [at] };
  if (at % 20_000 !== 0) continue;
  most = Math.max(most, getHeapStatistics().total_heap_size);
  young = Math.max(young, youngBytes());
}
console.log(JSON.stringify({ most, young }));
`;

function heapBytesMax(how: 'steady' | 'as it is'): { most: number; young: number } {
  const argv = ['--input-type=module', '-e', CHURN, BUILT, how];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' }));
}

test.skipIf(!existsSync(BUILT))(
  'a steady heap stays smaller under the same work, as a whole and its young part (skipped where dist/ is not built)',
  () => {
    const [steady, asItIs] = [heapBytesMax('steady'), heapBytesMax('as it is')];
    expect(steady.most).toBeLessThan(asItIs.most);
    expect(steady.young).toBeLessThan(asItIs.young);
  },
);
