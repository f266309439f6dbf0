/**
 * For a process that runs for weeks: the old generation grows by a fifth between collections, as the launcher of a swarm has it for its
 * peers (swarm/launcher.ts), instead of letting garbage pile up over thousands of rounds. The launcher can also give a first limit at the
 * start of the process; here one collection, once everything is loaded, sets it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function keepHeapSteady(): void {
  setFlagsFromString('--heap-growing-percent=20');
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
