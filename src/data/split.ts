/**
 * Ways to deal out n samples to silos: pure, deterministic from the random source, each a true partition except
 * `resample`. A silo's indices ascend.
 *
 * Sources: shards, McMahan et al. 2017 (arXiv 1602.05629); Dirichlet(α) per label, Hsu et al. 2019 (arXiv 1909.06335)
 * and Yurochkin et al. 2019, with cut points floor(cumsum(p)·n), the last one n.
 */
import { assert } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';

/** Indices of training samples per silo, and the silos' names, which are safe as folder names. */
export interface Silos {
  readonly names: readonly string[];
  readonly silos: readonly (readonly number[])[];
}

/** So often a Dirichlet draw is repeated before it is given up. */
const DRAWS_MAX = 1000;

/** Cuts 0…count into consecutive ranges by shares that sum to 1; returns the ends. // [shares.length] */
export function cutPoints(shares: readonly number[], count: number): number[] {
  let sum = 0;
  return shares.map((share, index) => {
    sum += share;
    return index === shares.length - 1 ? count : Math.min(count, Math.floor(sum * count));
  });
}

/** Consecutive pieces of `items` by shares. */
function cutByShares(items: readonly number[], shares: readonly number[]): number[][] {
  const ends = cutPoints(shares, items.length);
  return ends.map((end, index) => items.slice(index === 0 ? 0 : ends[index - 1], end));
}

/** Every silo the same number of samples, give or take one. */
export function splitEvenly(sampleCount: number, siloCount: number, seed: number): number[][] {
  const indices = shuffled(sampleCount, Random.of(seed, 'partition', 'iid'));
  return Array.from({ length: siloCount }, (_, silo) =>
    indices.slice(
      Math.floor((silo * sampleCount) / siloCount),
      Math.floor(((silo + 1) * sampleCount) / siloCount),
    ),
  ).map(ascending);
}

/** Samples sorted by label, cut into siloCount × shardsPerSilo runs, which a permutation deals out. */
export function splitIntoShards(
  labels: Int32Array,
  siloCount: number,
  shardsPerSilo: number,
  seed: number,
): number[][] {
  const shardCount = siloCount * shardsPerSilo;
  if (shardCount > labels.length) {
    throw new InputError(
      'partition-impossible',
      `${siloCount} silos with ${shardsPerSilo} shards each want ${shardCount} samples, there are ${labels.length}; lower silos or shardsPerSilo`,
      { siloCount, shardsPerSilo, sampleCount: labels.length },
    );
  }
  const byLabel = range(labels.length).sort(
    (left, right) => (labels[left] as number) - (labels[right] as number) || left - right,
  );
  const dealt = shuffled(shardCount, Random.of(seed, 'partition', 'shards'));
  const bound = (shard: number): number => Math.floor((shard * labels.length) / shardCount);
  return Array.from({ length: siloCount }, (_, silo) =>
    dealt
      .slice(silo * shardsPerSilo, (silo + 1) * shardsPerSilo)
      .flatMap((shard) => byLabel.slice(bound(shard), bound(shard + 1))),
  ).map(ascending);
}

/**
 * Each label's samples, shuffled, cut by its own Dirichlet(α) draw of shares over the silos; drawn again until every
 * silo has `minSamples`. InputError `partition-impossible` after 1,000 draws.
 */
export function splitByDirichlet(
  labels: Int32Array,
  classCount: number,
  siloCount: number,
  options: { readonly alpha: number; readonly minSamples: number },
  seed: number,
): number[][] {
  const { alpha, minSamples } = options;
  for (let draw = 0; draw < DRAWS_MAX && siloCount * minSamples <= labels.length; draw++) {
    const random = Random.of(seed, 'partition', 'dirichlet', draw);
    const shares = Array.from({ length: classCount }, () => random.dirichlet(alpha, siloCount));
    const silos = dealByLabel(labels, shares, random);
    if (silos.every((indices) => indices.length >= minSamples)) return silos;
  }
  throw new InputError(
    'partition-impossible',
    `no Dirichlet(${alpha}) draw gives each of ${siloCount} silos ${minSamples} of the ${labels.length} samples; raise alpha, or lower silos or minSamples`,
    { alpha, minSamples, siloCount, sampleCount: labels.length },
  );
}

/** Label c's samples, in random order, cut by shares[c]. // shares: [classCount, siloCount] */
export function dealByLabel(
  labels: Int32Array,
  shares: readonly (readonly number[])[],
  random: Random,
): number[][] {
  const silos: number[][] = (shares[0] ?? []).map(() => []);
  shares.forEach((classShares, label) => {
    const members = range(labels.length).filter((index) => labels[index] === label);
    cutByShares(random.shuffle(members), classShares).forEach((piece, silo) => {
      silos[silo]?.push(...piece);
    });
  });
  return silos.map(ascending);
}

/** Random samples in quantities of one Dirichlet(α) draw; a silo too small for one sample gets one of the largest's. */
export function splitByQuantity(
  sampleCount: number,
  siloCount: number,
  alpha: number,
  seed: number,
): number[][] {
  const random = Random.of(seed, 'partition', 'quantity');
  const ends = cutPoints(random.dirichlet(alpha, siloCount), sampleCount);
  const sizes = ends.map((end, silo) => end - (ends[silo - 1] ?? 0));
  for (let silo = 0; silo < siloCount && sampleCount >= siloCount; silo++) {
    if (sizes[silo] !== 0) continue;
    sizes[silo] = 1;
    sizes[sizes.indexOf(Math.max(...sizes))]! -= 1;
  }
  return splitBySizes(sampleCount, sizes, random);
}

/** Random samples, `sizes[i]` of them for silo i; what is left over belongs to nobody. */
export function splitBySizes(sampleCount: number, sizes: readonly number[], random: Random): number[][] {
  const wanted = sizes.reduce((sum, size) => sum + size, 0);
  if (wanted > sampleCount) {
    throw new InputError(
      'partition-impossible',
      `partition sizes add up to ${wanted}, there are ${sampleCount} samples; lower the sizes`,
      { wanted, sampleCount },
    );
  }
  const indices = shuffled(sampleCount, random);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return ascending(indices.slice(start - size, start));
  });
}

/** Each silo draws its samples from all of them, with replacement: the same one may come twice, here and elsewhere. */
export function resample(
  sampleCount: number,
  siloCount: number,
  samplesPerSilo: number,
  seed: number,
): number[][] {
  assert(sampleCount > 0, 'resampling from nothing');
  return Array.from({ length: siloCount }, (_, silo) => {
    const random = Random.of(seed, 'partition', 'resample', silo);
    return ascending(Array.from({ length: samplesPerSilo }, () => random.integer(sampleCount)));
  });
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function shuffled(count: number, random: Random): number[] {
  return random.shuffle(range(count));
}

function ascending(indices: number[]): number[] {
  return indices.sort((left, right) => left - right);
}
