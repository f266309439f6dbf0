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

/** The loss of logits, and factor · (softmax z − y). // both arrays [count, classCount] */
export function lossAndErrors(
  logits: Float32Array,
  labels: Int32Array,
  factor: number,
  classCount: number,
): { lossSum: number; errors: Float32Array } {
  const errors = new Float32Array(logits.length);
  const terms = new Float64Array(classCount);
  let lossSum = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * classCount;
    const label = labels[row]!;
    let max = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < classCount; index++) max = Math.max(max, logits[start + index]!);
    let sum = 0;
    for (let index = 0; index < classCount; index++) {
      terms[index] = Math.exp(logits[start + index]! - max);
      sum += terms[index]!;
    }
    for (let index = 0; index < classCount; index++) errors[start + index] = (factor * terms[index]!) / sum;
    errors[start + label] = factor * (terms[label]! / sum - 1);
    lossSum += Math.log(sum) + max - logits[start + label]!;
  }
  return { lossSum, errors };
}

/** Probabilities below this have lost digits in f32: the loss then comes from the logits. */
const PROBABILITY_MIN = 1e-30;

/** Σ −log p_y over `labels`, from softmax probabilities in f32, of rows from `firstRow` on. // both [rows, classCount] */
export function crossEntropySum(
  probabilities: Float32Array,
  logits: () => Float32Array,
  firstRow: number,
  labels: Int32Array,
  classCount: number,
): number {
  let sum = 0;
  for (let index = 0; index < labels.length; index++) {
    const start = (firstRow + index) * classCount;
    const probability = probabilities[start + labels[index]!]!;
    sum +=
      probability > PROBABILITY_MIN
        ? -Math.log(probability)
        : scoreLogits(logits().subarray(start), labels.subarray(index, index + 1), classCount).lossSum;
  }
  return sum;
}

/** In place: factor · (softmax z − y) in the rows that have a label, 0 in those after them. // [rows, classCount] */
export function toErrors(
  probabilities: Float32Array,
  labels: Int32Array,
  factor: number,
  classCount: number,
): void {
  const end = labels.length * classCount;
  for (let row = 0; row < labels.length; row++) probabilities[row * classCount + labels[row]!]! -= 1;
  for (let index = 0; index < end; index++) probabilities[index]! *= factor;
  probabilities.fill(0, end);
}

/** Right answers among rows from `firstRow` on, as scoreLogits counts them. */
export function correctCount(
  logits: Float32Array,
  firstRow: number,
  labels: Int32Array,
  classCount: number,
): number {
  let count = 0;
  for (let index = 0; index < labels.length; index++) {
    const start = (firstRow + index) * classCount;
    let best = 0;
    for (let other = 1; other < classCount; other++) {
      if (logits[start + other]! > logits[start + best]!) best = other;
    }
    if (best === labels[index] && Number.isFinite(logits[start + best]!)) count++;
  }
  return count;
}
