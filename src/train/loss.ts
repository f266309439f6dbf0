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

/** Probabilities below this have lost digits in f32: the loss then comes from the logits. */
const PROBABILITY_MIN = 1e-30;

/** One row's −log p_y, from softmax probabilities in f32. // both [rows, classCount] */
export function crossEntropy(
  probabilities: Float32Array,
  logits: () => Float32Array,
  row: number,
  label: number,
  classCount: number,
): number {
  const probability = probabilities[row * classCount + label]!;
  if (probability > PROBABILITY_MIN) return -Math.log(probability);
  const start = row * classCount;
  return scoreLogits(logits().subarray(start, start + classCount), [label], classCount).lossSum;
}

/** As scoreLogits, where the softmax is already there; rows from `firstRow` on. */
export function scoreProbabilities(
  probabilities: Float32Array,
  logits: Float32Array,
  firstRow: number,
  labels: ArrayLike<number>,
  classCount: number,
): Score {
  const score = { lossSum: 0, correctCount: 0 };
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const start = (firstRow + row) * classCount;
    score.lossSum += crossEntropy(probabilities, () => logits, firstRow + row, label, classCount);
    let best = 0;
    for (let index = 1; index < classCount; index++) {
      if (logits[start + index]! > logits[start + best]!) best = index;
    }
    if (best === label && Number.isFinite(logits[start + best]!)) score.correctCount++;
  }
  return score;
}
