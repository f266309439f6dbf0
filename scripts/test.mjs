/** `npm test`: set-up where needed, then the tests. Arguments go on to vitest (npm test -- test/wire). */
import { become } from './set-up/become.mjs';
import { setUp } from './set-up/set-up.mjs';

await setUp();
await become('node_modules/vitest/vitest.mjs', ['run', ...process.argv.slice(2)]);
