/** What a rule says that it tolerates, against a schedule: where it says so, live peers must keep their pace. */
import { ruleFits } from '../../dist/experiment/index.js';

export function isTolerated({ rule, options, overlay, schedule }) {
  const world = {
    overlay,
    exchange: { rule, options, carrier: 'stream', encoding: 'raw' },
    links: { jitter: 0 },
    simulate: {},
    train: {},
    stop: {},
    faults: schedule,
  };
  return ruleFits(world).find(({ chosen }) => chosen)?.notTolerated.length === 0;
}
