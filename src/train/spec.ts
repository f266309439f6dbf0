/** What a tfjs Trainer is made from: plain JSON, so that it crosses into a worker and into records unchanged. */
import type { Split } from '../data/dataset.ts';
import type { DatasetSpec } from '../data/spec.ts';

export type ModelSpec =
  /** Multinomial logistic regression. */
  | { readonly kind: 'softmax' }
  /** Dense layers with ReLU between them; `hidden` are the widths, none gives softmax. */
  | { readonly kind: 'mlp'; readonly hidden: readonly number[] }
  /** LeNet-like: two 5×5 convolutions with pooling, one dense layer of 64. */
  | { readonly kind: 'cnn' }
  /** ½ Σ curvature · (x − b)² with b the mean of the silo's points: for data set toy only; see toy-trainers.ts. */
  | { readonly kind: 'quadratic'; readonly start: 'zero' | 'optimum'; readonly curvature: number }
  /** A tfjs layers-model JSON file; the path is relative to the spec's baseFolder. */
  | { readonly kind: 'layers'; readonly path: string };

export type OptimizerSpec =
  | { readonly kind: 'sgd' }
  | { readonly kind: 'momentum'; readonly momentum: number; readonly nesterov?: boolean }
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number };

/** How the learning rate changes with the step number; see schedule.ts for the formulas. */
export type ScheduleSpec =
  | { readonly kind: 'constant'; readonly warmupSteps?: number }
  | {
      readonly kind: 'step';
      readonly everySteps: number;
      readonly factor: number;
      readonly warmupSteps?: number;
    }
  | {
      readonly kind: 'cosine';
      readonly steps: number;
      readonly floor?: number;
      readonly warmupSteps?: number;
    }
  | { readonly kind: 'inverse-sqrt'; readonly afterSteps: number; readonly warmupSteps?: number };

export interface TrainSpec {
  readonly optimizer: OptimizerSpec;
  readonly learningRate: number;
  readonly batchSize: number;
  /** Mini-batch gradients longer than this are scaled back to it (global Euclidean norm). */
  readonly clipNorm?: number;
  /** Decoupled weight decay λ: each update also subtracts γ·λ·x from the trainable params. */
  readonly weightDecay?: number;
  readonly schedule?: ScheduleSpec;
  /** Factor on every mini-batch gradient (after clipping): peers·n/N for an objective weighted by samples; 1 where absent. */
  readonly gradientScale?: number;
}

/** Some samples of a data set's split, by 0-based index, in this order; `all` for the whole split. */
export interface SampleSelection {
  readonly split: Split;
  readonly indices: readonly number[] | 'all';
}

/** The data one silo trains and is evaluated on. */
export interface SiloData {
  readonly dataset: DatasetSpec;
  readonly train: SampleSelection;
  /** Held-out samples of this silo. */
  readonly own?: SampleSelection;
  /** The shared test set. */
  readonly global?: SampleSelection;
}

/** Which engine computes; `auto` takes the first of tensorflow, wasm, cpu that is there and can train the model. */
export type BackendName = 'tensorflow' | 'wasm' | 'cpu';

/** A model with the shapes that its data gives it. */
export interface ModelShape {
  readonly model: ModelSpec;
  /** Shape of one sample, without the batch dimension. */
  readonly featureShape: readonly number[];
  readonly classCount: number;
  /** Folder that relative paths of models and data start from. */
  readonly baseFolder: string;
}

export interface TrainerSpec extends ModelShape {
  readonly train: TrainSpec;
  readonly data: SiloData;
  readonly seed: number;
  /** This peer's index: its mini-batches differ from others'; initial params do not depend on it. */
  readonly peerIndex: number;
  readonly backend: 'auto' | BackendName;
  /** Threads of the native engine inside this process; 1 where absent. */
  readonly threads?: number;
}
