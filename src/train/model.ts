/**
 * What the tfjs Trainer needs of a model: pure functions of its params on the device. There the flat vector is cut
 * into parts, one after another: first the trainable ones, then statistics that the forward pass updates (BatchNorm's
 * moving means and variances) and frozen tensors.
 */
import type { Layout } from '../params/layout.ts';
import type { DeviceArray } from './device.ts';

export interface DeviceParams {
  readonly trainable: readonly DeviceArray[];
  readonly statistics: readonly DeviceArray[];
}

export interface DeviceBatch {
  /** [count, ...inputShape] */
  readonly features: DeviceArray;
  /** [count]; the host's, valid until the next batch. */
  readonly labels: Int32Array;
}

export interface Backward {
  /** Σ over the batch of the cross-entropy. */
  readonly lossSum: number;
  /** `factor` times the gradient of the batch's mean cross-entropy, part by part. */
  readonly gradient: readonly DeviceArray[];
  /** The statistics after this forward pass. */
  readonly statistics: readonly DeviceArray[];
}

export interface DeviceModel {
  readonly layout: Layout;
  /** Shapes of the parts; their sizes add up to layout.size. */
  readonly parts: { readonly trainable: readonly Shape[]; readonly statistics: readonly Shape[] };
  /** Shape of one sample as the model takes it. */
  readonly inputShape: Shape;
  /** The model wants a last column of ones (inputShape counts it). */
  readonly columnOfOnes: boolean;
  initialParams(seed: number): Float32Array;
  /** Forward and backward in training mode, inside the caller's scope; `noiseSeed` feeds dropout where there is any. */
  backward(params: DeviceParams, batch: DeviceBatch, noiseSeed: () => number, factor: number): Backward;
  /** Forward in evaluation mode, inside the caller's scope. // [count, classCount] */
  logits(params: DeviceParams, features: DeviceArray): DeviceArray;
  dispose(): void;
}

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
