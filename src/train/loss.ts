/** Cross-entropy and accuracy from logits, on the host in f64: the same sums whatever engine made the logits. */

export interface Score {
  /** Σ over samples of log Σₖ exp zₖ − z_y. */
  lossSum: number;
  correctCount: number;
}

/** Scores logits [count, classCount] against `labels`; ties go to the lowest class; non-finite logits give NaN. */
export function scoreLogits(logits: ArrayLike<number>, labels: ArrayLike<number>, classCount: number): Score {
  let lossSum = 0;
  let correctCount = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * classCount;
    let best = 0;
    for (let index = 1; index < classCount; index++) {
      if (logits[start + index]! > logits[start + best]!) best = index;
    }
    const max = logits[start + best]!;
    let sum = 0;
    for (let index = 0; index < classCount; index++) sum += Math.exp(logits[start + index]! - max);
    lossSum += Math.log(sum) + max - logits[start + labels[row]!]!;
    if (best === labels[row] && Number.isFinite(max)) correctCount++;
  }
  return { lossSum, correctCount };
}
