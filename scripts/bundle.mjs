/** The second half of `npm run build`. */
import { bundle } from './set-up/bundle.mjs';

await bundle();
