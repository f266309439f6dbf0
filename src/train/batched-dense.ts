/**
 * Dense models of many peers at once: the passes of dense.ts with one more dimension in front. Layer l of all peers is one
 * part [peers, in + 1, out], and each product is one batched operation:
 *   a₀ = [x 1],  hₗ = relu(aₗ₋₁ Wₗ),  aₗ = [hₗ 1],  z = a_{L−1} W_L
 *   δ_L = f (softmax z − y),  δₗ = (δₗ₊₁ Wₗ₊₁ᵀ without the bias row) ∘ [hₗ > 0],  f ∂Wₗ = aₗ₋₁ᵀ δₗ
 * Unlike there, each peer has a factor f of its own, and each of its rows one of 1, or 0 where it only fills the batch up:
 * the gradient is f times that of the sum of losses over the real rows.
 */
import type { Device, DeviceArray } from './device.ts';

export interface PeersBatch {
  /** [peers, rows, features + 1] */
  readonly features: DeviceArray;
  /** [peers, rows, classCount] */
  readonly oneHot: DeviceArray;
  /** f for each peer's real rows and 0 for others; for all rows where it is the same. // [peers, rows, 1] */
  readonly factors: DeviceArray | number;
}

interface PeersBackward {
  readonly logits: DeviceArray;
  /** softmax z. // [peers, rows, classCount] */
  readonly probabilities: DeviceArray;
  /** By layer. // [peers, in + 1, out] */
  readonly gradient: readonly DeviceArray[];
}

interface PeersPass {
  readonly inputs: readonly DeviceArray[];
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

export function backwardPeers(
  device: Device,
  layers: readonly DeviceArray[],
  { features, oneHot, factors }: PeersBatch,
): PeersBackward {
  const { inputs, activations, logits } = forwardPeers(device, layers, features);
  const probabilities = device.softmax(logits);
  const error = device.subtract(probabilities, oneHot);
  let delta = typeof factors === 'number' ? device.scale(error, factors) : device.multiply(error, factors);
  const gradient: DeviceArray[] = [];
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    gradient.unshift(device.batchMatMul(inputs[layer]!, delta, true, false));
    if (layer === 0) break;
    const matrix = layers[layer]!;
    const withoutBias = device.firstRows(matrix, matrix.shape[1]! - 1);
    const upstream = device.batchMatMul(delta, withoutBias, false, true);
    delta = device.reluGradient(upstream, activations[layer - 1]!);
  }
  return { logits, probabilities, gradient };
}
