/**
 * Initial params from the seed alone, the same on every peer and every backend: each tensor is drawn from the stream
 * (seed, 'init', tensor name) in f64 and rounded once to f32, by the initialiser that the model declares for it.
 * Variance scaling: Glorot, Bengio 2010; He et al. 2015. Truncated normals redraw beyond two standard deviations and
 * divide by 0.8796 (the standard deviation of the truncated normal), as Keras does.
 */
import { unreachable } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import type { Layout } from '../params/layout.ts';

export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly stdDev: number; readonly truncated: boolean }
  | {
      readonly kind: 'variance-scaling';
      readonly scale: number;
      readonly mode: 'fanIn' | 'fanOut' | 'fanAvg';
      readonly distribution: 'uniform' | 'normal';
    };

const glorotUniform: Initializer = {
  kind: 'variance-scaling',
  scale: 1,
  mode: 'fanAvg',
  distribution: 'uniform',
};

const TRUNCATED_STD_DEV = 0.87962566103423978;

/** Draws every tensor of `layout` by its initialiser. // [layout.size] */
export function initialParams(
  layout: Layout,
  initializers: ReadonlyMap<string, Initializer>,
  seed: number,
): Float32Array {
  const params = new Float32Array(layout.size);
  for (const { name, shape, offset, size } of layout.tensors) {
    const draw = drawer(initializers.get(name) ?? glorotUniform, shape, Random.of(seed, 'init', name));
    for (let index = offset; index < offset + size; index++) params[index] = draw();
  }
  return params;
}

function drawer(initializer: Initializer, shape: readonly number[], random: Random): () => number {
  switch (initializer.kind) {
    case 'constant':
      return () => initializer.value;
    case 'uniform':
      return () => initializer.low + (initializer.high - initializer.low) * random.uniform();
    case 'normal': {
      const { mean, stdDev, truncated } = initializer;
      return () => mean + stdDev * (truncated ? truncatedNormal(random) : random.normal());
    }
    case 'variance-scaling': {
      const variance = initializer.scale / Math.max(1, fan(initializer.mode, shape));
      const limit = Math.sqrt(3 * variance);
      if (initializer.distribution === 'uniform') return () => limit * (2 * random.uniform() - 1);
      const stdDev = Math.sqrt(variance) / TRUNCATED_STD_DEV;
      return () => stdDev * truncatedNormal(random);
    }
    default:
      return unreachable(initializer);
  }
}

/** Dense kernels are [in, out]; convolution kernels [..., in, out] with the receptive field in front. */
function fan(mode: 'fanIn' | 'fanOut' | 'fanAvg', shape: readonly number[]): number {
  const receptive = shape.slice(0, -2).reduce((product, dimension) => product * dimension, 1);
  const fanIn = receptive * (shape.at(-2) ?? 1);
  const fanOut = receptive * (shape.at(-1) ?? 1);
  if (mode === 'fanIn') return fanIn;
  return mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2;
}

function truncatedNormal(random: Random): number {
  for (;;) {
    const draw = random.normal();
    if (Math.abs(draw) <= 2) return draw;
  }
}
