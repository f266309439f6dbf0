/** The entry of a swarm's child processes: takes its job from the launcher over the process's channel. */
import '../base/runtime.ts';
import { AssertionError } from '../base/assert.ts';
import { describeError, GrapevineError } from '../base/errors.ts';
import { startPeer } from '../compose.ts';
import { lockFolder } from '../storage/lock.ts';
import { serveLauncher } from '../swarm/child.ts';
import { workerTrainer } from '../train/worker-trainer.ts';

serveLauncher({
  lockFolder,
  startPeer,
  trainer: (spec) => workerTrainer(spec),
  describeFailure: (error) => {
    if (error instanceof GrapevineError) {
      return { category: error.category, code: error.code, message: error.message };
    }
    const category = error instanceof AssertionError || error instanceof TypeError ? 'bug' : 'operation';
    const stack = error instanceof Error && category === 'bug' ? `\n${error.stack}` : '';
    return { category, code: 'peer-failed', message: `${describeError(error)}${stack}` };
  },
});
