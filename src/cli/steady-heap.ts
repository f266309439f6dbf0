/**
 * For a process that runs for weeks: the old generation grows by a fifth between collections, as the launcher of a swarm has it for its
 * peers (swarm/launcher.ts), instead of letting garbage pile up over thousands of rounds, and the young one stays as large as it is, instead
 * of growing to 32 MB in the course of them. The launcher can also give first limits at the start of the process; here one collection, once
 * everything is loaded, sets them.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export function keepHeapSteady(): void {
  setFlagsFromString('--heap-growing-percent=20');
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
