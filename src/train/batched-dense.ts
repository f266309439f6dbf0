/**
 * Dense models of many peers at once: the passes of dense.ts with one more dimension in front. Layer l of all peers is one
 * part [peers, in + 1, out], and each product is one batched operation:
 *   a₀ = [x 1],  hₗ = relu(aₗ₋₁ Wₗ),  aₗ = [hₗ 1],  z = a_{L−1} W_L
 *   δ_L = f (softmax z − y) / n,  δₗ = (δₗ₊₁ Wₗ₊₁ᵀ without the bias row) ∘ [hₗ > 0],  f ∂Wₗ = aₗ₋₁ᵀ δₗ
 * δ_L is made on the host, where the probabilities are read anyway: cheaper than gathering y, and each row may have a factor of its
 * own: f of its peer over the number of its real rows, or 0 for a row that only fills the batch up.
 */
import type { Device, DeviceArray } from './device.ts';

export interface PeersPass {
  /** aₗ₋₁. // [peers, rows, in + 1] */
  readonly inputs: readonly DeviceArray[];
  /** hₗ of the hidden layers. // [peers, rows, out] */
  readonly activations: readonly DeviceArray[];
  readonly logits: DeviceArray;
}

/** Features may be [1, rows, features + 1] where all peers see the same ones. */
export function forwardPeers(
  device: Device,
  layers: readonly DeviceArray[],
  features: DeviceArray,
): PeersPass {
  const inputs = [features];
  const activations: DeviceArray[] = [];
  for (const matrix of layers.slice(0, -1)) {
    const activation = device.relu(device.batchMatMul(inputs.at(-1)!, matrix, false, false));
    activations.push(activation);
    inputs.push(device.appendOnes(activation));
  }
  return { inputs, activations, logits: device.batchMatMul(inputs.at(-1)!, layers.at(-1)!, false, false) };
}

/** From δ_L to each layer's f ∂W. // [peers, in + 1, out] */
export function backwardPeers(
  device: Device,
  layers: readonly DeviceArray[],
  { inputs, activations }: PeersPass,
  lastDelta: DeviceArray,
): readonly DeviceArray[] {
  let delta = lastDelta;
  const gradient: DeviceArray[] = [];
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    gradient.unshift(device.batchMatMul(inputs[layer]!, delta, true, false));
    if (layer === 0) break;
    const matrix = layers[layer]!;
    const withoutBias = device.firstRows(matrix, matrix.shape[1]! - 1);
    const upstream = device.batchMatMul(delta, withoutBias, false, true);
    delta = device.reluGradient(upstream, activations[layer - 1]!);
  }
  return gradient;
}
