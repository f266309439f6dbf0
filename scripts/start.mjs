/**
 * `npm start`: set-up where needed, then the default swarm. Arguments go on to `grapevine swarm`
 * (npm start -- --set stop.rounds=3). The swarm runs in this very process, so that signals and its exit
 * code need no forwarding.
 */
import { become } from './set-up/become.mjs';
import { setUp } from './set-up/set-up.mjs';

await setUp();
await become('dist/main.js', ['swarm', 'topologies/mnist-eleven-silos.yaml', ...process.argv.slice(2)]);
