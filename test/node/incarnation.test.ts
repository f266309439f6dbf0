/** Each start of a peer has a number of its own, whatever became of its folder. */
import { expect, test } from 'vitest';
import { nextIncarnation } from '../../src/node/incarnation.ts';
import { memoryStorage } from '../../src/storage/memory.ts';

const monday = '2026-11-23T04:00:00.000Z';
const tuesday = '2026-11-24T04:00:00.000Z';

test('starts are counted where there is no calendar', async () => {
  const storage = memoryStorage();
  expect(await nextIncarnation(storage, undefined)).toBe(1);
  expect(await nextIncarnation(storage, undefined)).toBe(2);
  await storage.write('incarnation', new TextEncoder().encode('rubbish'));
  expect(await nextIncarnation(storage, undefined)).toBe(1);
});

test('the number grows though the folder was lost, and within one second, and though the clock was set back', async () => {
  const first = await nextIncarnation(memoryStorage(), monday);
  const storage = memoryStorage();
  const second = await nextIncarnation(storage, tuesday);
  expect(second).toBeGreaterThan(first);
  expect(await nextIncarnation(storage, tuesday)).toBe(second + 1);
  expect(await nextIncarnation(storage, monday)).toBe(second + 2);
});
