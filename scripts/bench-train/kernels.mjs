/**
 * What TensorFlow's own operations take of a batched training step, one by one on one thread: no step can be faster than their sum, and
 * no other arrangement of them faster than the products alone. Least times, in microseconds per peer and step.
 */
import { loadEngine } from '../../dist/train/engine.js';

const REPETITIONS = 200;
const MS_MAX = 300;

/**
 * @param {number} peers in one batch
 * @param {readonly number[]} widths of the layers, features first
 * @returns {Promise<readonly {what: string, us: number, isProduct: boolean}[]>}
 */
export async function operationTimes(peers, widths, batchSize, poolRows) {
  const { device, backend } = await loadEngine('auto', { autodiff: false, convolutions: false }, 1);
  if (backend !== 'tensorflow') throw new Error(`${backend} runs: these are figures of TensorFlow's library`);
  const random = (...shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return device.upload(
      Float32Array.from({ length: size }, () => Math.random() - 0.5),
      shape,
    );
  };
  const rows = Int32Array.from({ length: peers * batchSize }, () => Math.floor(Math.random() * poolRows));
  const pool = random(poolRows, widths[0] + 1);
  const results = [];
  const add = (what, isProduct, action) =>
    results.push({ what, isProduct, us: leastUs(device, action) / peers });
  add('gather of the batches', false, () => device.gatherRows(pool, rows, [peers, batchSize]));
  for (const [layer, out] of widths.slice(1).entries()) {
    const width = widths[layer] + 1;
    const [inputs, params, delta] = [
      random(peers, batchSize, width),
      random(peers, width, out),
      random(peers, batchSize, out),
    ];
    const name = `${widths[layer]}-${out}`;
    const isLast = layer === widths.length - 2;
    add(`forward product ${name}`, true, () => device.batchMatMul(inputs, params, false, false));
    add(`gradient product ${name}`, true, () => device.batchMatMul(inputs, delta, true, false));
    add(`update ${name}`, false, () => device.add(params, params));
    add(`norm ${name}`, false, () => device.norms(params));
    if (isLast) {
      add('softmax', false, () => device.softmax(delta));
      add('probabilities down', false, () => device.download(delta));
      add('errors up', false, () => device.upload(new Float32Array(peers * batchSize * out), delta.shape));
    } else {
      add(`relu ${name}`, false, () => device.relu(delta));
      add(`ones beside ${name}`, false, () => device.appendOnes(delta));
      add(`relu's gradient ${name}`, false, () => device.reluGradient(delta, delta));
    }
    if (layer > 0) {
      add(`params without bias ${name}`, false, () => device.firstRows(params, width - 1));
      const withoutBias = random(peers, width - 1, out);
      add(`errors back ${name}`, true, () => device.batchMatMul(delta, withoutBias, false, true));
      device.free(withoutBias);
    }
    for (const array of [inputs, params, delta]) device.free(array);
  }
  device.free(pool);
  return results;
}

function leastUs(device, action) {
  let least = Number.POSITIVE_INFINITY;
  const begun = performance.now();
  for (let count = 0; count < REPETITIONS && performance.now() - begun < MS_MAX; count++) {
    device.scope(() => {
      const before = performance.now();
      action();
      least = Math.min(least, performance.now() - before);
    });
  }
  return 1000 * least;
}
