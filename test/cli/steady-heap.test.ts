import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist/cli/steady-heap.js', import.meta.url));

/** Objects that outlive the young generation, some tens of megabytes of them at any time; says how large the heap was at most. */
const CHURN = `
import { getHeapStatistics } from 'node:v8';
const { keepHeapSteady } = await import(process.argv[1]);
if (process.argv[2] === 'steady') keepHeapSteady();
const ring = new Array(400_000);
let most = 0;
for (let at = 0; at < 4_000_000; at++) {
  ring[at % ring.length] = { at, more: [at] };
  if (at % 20_000 === 0) most = Math.max(most, getHeapStatistics().total_heap_size);
}
console.log(most);
`;

function heapBytesMax(how: 'steady' | 'as it is'): number {
  const argv = ['--input-type=module', '-e', CHURN, BUILT, how];
  return Number(execFileSync(process.execPath, argv, { encoding: 'utf8' }));
}

test.skipIf(!existsSync(BUILT))(
  'a steady heap stays smaller under the same work (skipped where dist/ is not built)',
  () => {
    expect(heapBytesMax('steady')).toBeLessThan(heapBytesMax('as it is'));
  },
);
