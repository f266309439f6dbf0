import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import '../../src/base/runtime.ts';

const util = createRequire(import.meta.url)('node:util') as {
  isNullOrUndefined(value: unknown): boolean;
};
const withResolvers = (
  Promise as unknown as {
    withResolvers(): { promise: Promise<unknown>; resolve(value: unknown): void; reject(cause: Error): void };
  }
).withResolvers.bind(Promise);

test('Promise.withResolvers settles its promise either way on every supported Node', async () => {
  const kept = withResolvers();
  kept.resolve(7);
  expect(await kept.promise).toBe(7);
  const broken = withResolvers();
  broken.reject(new Error('no'));
  await expect(broken.promise).rejects.toThrow('no');
});

test('util.isNullOrUndefined is true for null and undefined only', () => {
  expect([null, undefined, 0, '', false].map((value) => util.isNullOrUndefined(value))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
