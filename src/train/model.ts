/**
 * What the tfjs Trainer needs of a model: pure functions of one flat vector on the device. The vector is split into
 * the trainable params (a prefix of the layout) and statistics that the forward pass updates (BatchNorm's moving
 * means and variances; the rest of the layout).
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Layout } from '../params/layout.ts';

export interface DeviceParams {
  /** [trainableSize] */
  readonly trainable: Tensor1D;
  /** [layout.size − trainableSize]; undefined where the model has none. */
  readonly statistics: Tensor1D | undefined;
}

export interface DeviceBatch {
  /** [count, ...inputShape] */
  readonly features: Tensor;
  /** [count, classCount] */
  readonly oneHot: Tensor2D;
}

export interface Backward {
  /** Before the softmax. // [count, classCount] */
  readonly logits: Tensor2D;
  /** Gradient of the batch's mean cross-entropy. // [trainableSize] */
  readonly gradient: Tensor1D;
  /** The statistics after this forward pass. */
  readonly statistics: Tensor1D | undefined;
}

export interface DeviceModel {
  readonly layout: Layout;
  readonly trainableSize: number;
  /** Shape of one sample as the model takes it. */
  readonly inputShape: readonly number[];
  /** The model wants a last column of ones (inputShape counts it). */
  readonly columnOfOnes: boolean;
  initialParams(seed: number): Float32Array;
  /** Forward and backward in training mode, inside the caller's tf.tidy; `noiseSeed` feeds dropout. */
  backward(params: DeviceParams, batch: DeviceBatch, noiseSeed: number): Backward;
  /** Forward in evaluation mode, inside the caller's tf.tidy. */
  logits(params: DeviceParams, features: Tensor): Tensor2D;
  dispose(): void;
}
