/** `npm run setup`: set-up alone; tries TensorFlow again even if it failed a moment ago. */
import { say } from './set-up/progress.mjs';
import { setUp } from './set-up/set-up.mjs';

await setUp({ retry: true });
say('Everything is set up. Next: npm start');
