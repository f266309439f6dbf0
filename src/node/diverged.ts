/** Training that came to nothing a peer can go on from. */
import { OperatingError } from '../base/errors.ts';

/** Nobody would take such params, nothing would mend them, and a checkpoint of them would take the place of a good one. */
export function diverged(round: number): OperatingError<'training-diverged'> {
  return new OperatingError(
    'training-diverged',
    `training diverged in round ${round}: params became NaN or infinite; lower train.learningRate or set train.clipNorm, or look for a neighbour that sends huge params. The checkpoints from before are kept`,
    { round },
  );
}
