/**
 * What a round computes and sends: model size and time of one local step. The table is that of Marfoq et al. 2020
 * (Table 2: Tesla P100); anything else is given as numbers.
 */
import { InputError } from '../base/errors.ts';
import { nearest } from '../base/schema-problems.ts';

export interface Workload {
  readonly name: string;
  /** M: bits of one model. */
  readonly modelBits: number;
  /** Tc: ms of one local step. */
  readonly computeMs: number;
}

export const workloads: readonly Workload[] = [
  { name: 'shakespeare', modelBits: 3_385_747, computeMs: 389.6 },
  { name: 'femnist', modelBits: 4_843_243, computeMs: 4.6 },
  { name: 'sent140', modelBits: 19_269_416, computeMs: 9.8 },
  { name: 'inaturalist', modelBits: 44_961_717, computeMs: 25.4 },
];

/** The workload of that name. Throws InputError `workload-unknown`, with the nearest name. */
export function findWorkload(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name.toLowerCase());
  if (found !== undefined) return found;
  const names = workloads.map((workload) => workload.name);
  const near = nearest(name, names);
  const hint = near === undefined ? '.' : `; did you mean ${near}?`;
  throw new InputError(
    'workload-unknown',
    `workload ${name} is not known${hint} Wanted one of ${names.join(', ')}, or custom with model bits and compute ms`,
  );
}
