/**
 * Synchronous D-PSGD with all peers in one array: the definition that the distributed rule is measured against. Imports nothing.
 *   parallel        x ← W x + (train(x) − x)      mix-then-adapt  x ← train(W x)      adapt-then-mix  x ← W train(x)
 */
export type Train = (peer: number, round: number, params: Float64Array) => Float64Array;

function mixed(matrix: readonly ArrayLike<number>[], all: readonly Float64Array[]): Float64Array[] {
  return matrix.map((row) =>
    all[0]!.map((_, index) => all.reduce((sum, params, peer) => sum + row[peer]! * params[index]!, 0)),
  );
}

/** Params of all peers after `rounds` rounds; `matrix[i][j]` is what i gives to what it receives from j. */
export function oracle(
  variant: string,
  matrix: readonly ArrayLike<number>[],
  initial: readonly Float64Array[],
  rounds: number,
  train: Train,
): Float64Array[] {
  let all: Float64Array[] = initial.map((params) => params.slice());
  for (let round = 0; round < rounds; round++) {
    const trainAll = (given: readonly Float64Array[]) =>
      given.map((params, peer) => train(peer, round, params));
    if (variant === 'mix-then-adapt') all = trainAll(mixed(matrix, all));
    else if (variant === 'adapt-then-mix') all = mixed(matrix, trainAll(all));
    else {
      const trained = trainAll(all);
      const average = mixed(matrix, all);
      all = average.map((params, peer) =>
        params.map((value, index) => value + trained[peer]![index]! - all[peer]![index]!),
      );
    }
  }
  return all;
}
