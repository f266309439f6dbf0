/** The natural partition: one silo per key (island, hospital, writer), or several keys in one silo. */
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { PartitionSpec } from './spec.ts';
import type { Silos } from './split.ts';
import { compareKeys } from './table.ts';

type NaturalSpec = Extract<PartitionSpec, { kind: 'natural' }>;

/**
 * Groups samples by key; silos are in key order and named after their keys. With fewer silos than keys, a seeded
 * choice of keys is kept (`surplus: leave-out`) or keys in random order are dealt out one by one (`merge`).
 * InputError `partition-impossible` where there are fewer keys than silos.
 */
export function splitByKey(
  keys: readonly string[],
  spec: NaturalSpec,
  siloCount: number | undefined,
  seed: number,
): Silos {
  const groups = groupByKey(keys);
  const usable = [...groups.keys()]
    .filter((key) => (groups.get(key)?.length ?? 0) >= spec.minSamples)
    .sort(compareKeys);
  const wanted = siloCount ?? usable.length;
  if (usable.length < wanted || usable.length === 0) {
    throw new InputError(
      'partition-impossible',
      `the key has ${usable.length} values with at least ${spec.minSamples} samples (${usable.slice(0, 10).join(', ')}), ${wanted} silos are wanted; lower silos or minSamples`,
      { keyCount: usable.length, siloCount: wanted, minSamples: spec.minSamples },
    );
  }
  if (wanted === usable.length) return named(usable, groups);
  const dealt = Random.of(seed, 'partition', 'natural').shuffle([...usable]);
  if (spec.surplus === 'leave-out') return named(dealt.slice(0, wanted).sort(compareKeys), groups);
  return merged(dealt, wanted, groups);
}

function groupByKey(keys: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  });
  return groups;
}

function named(keys: readonly string[], groups: ReadonlyMap<string, number[]>): Silos {
  return { names: siloNames(keys), silos: keys.map((key) => groups.get(key) ?? []) };
}

function merged(keys: readonly string[], siloCount: number, groups: ReadonlyMap<string, number[]>): Silos {
  const silos: number[][] = Array.from({ length: siloCount }, () => []);
  keys.forEach((key, at) => {
    silos[at % siloCount]?.push(...(groups.get(key) ?? []));
  });
  for (const indices of silos) indices.sort((left, right) => left - right);
  return { names: silos.map((_, silo) => `silo-${silo}`), silos };
}

/** Names that are safe as folder names: other characters become `-`; numbers and repeats get a prefix or suffix. */
function siloNames(keys: readonly string[]): string[] {
  const taken = new Set<string>();
  return keys.map((key) => {
    const plain = key.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 48);
    const base = /^[A-Za-z]/.test(plain) ? plain : `silo-${plain}`;
    let name = base;
    for (let copy = 2; taken.has(name.toLowerCase()); copy++) name = `${base}-${copy}`;
    taken.add(name.toLowerCase());
    return name;
  });
}
