/**
 * What graph files call things: one node or link of GML, GraphML or node-link JSON has its own names for coordinates,
 * lengths and capacities. Known ones are read; numbers that are none stay NaN, so that the checks name them.
 */
import type { NamedLink, Placed } from './checked.ts';
import type { UnderlayNode } from './underlay.ts';

export type Attributes = Readonly<Record<string, unknown>>;

const latitudes = ['latitude', 'lat', 'y'];
const longitudes = ['longitude', 'lon', 'lng', 'long', 'x'];
const names = ['label', 'name'];
const lengths = ['lengthkm', 'length_km', 'length', 'distance', 'dist', 'km'];
const latencies = ['latencyms', 'latency_ms', 'latency', 'delay'];
/** Plain figures are bits per second, as Topology Zoo's LinkSpeedRaw is. */
const capacities: readonly (readonly [name: string, unitBps: number])[] = [
  ['capacitybps', 1],
  ['linkspeedraw', 1],
  ['capacity', 1],
  ['bandwidth', 1],
  ['capacitymbps', 1e6],
  ['bandwidthmbps', 1e6],
];

export function nodeOf(
  id: string,
  attributes: Attributes,
  at: string,
): Placed<UnderlayNode & { id: string }> {
  const found = lowerKeys(attributes);
  const position = Array.isArray(found.get('pos')) ? (found.get('pos') as unknown[]) : [];
  const longitude = numberOf(first(found, longitudes) ?? position[0]);
  const latitude = numberOf(first(found, latitudes) ?? position[1]);
  const name = first(found, names);
  return {
    id,
    name: name === undefined || String(name).trim() === '' ? id : String(name),
    ...(latitude === undefined ? {} : { latitude }),
    ...(longitude === undefined ? {} : { longitude }),
    at,
  };
}

/** The length in the file counts as published; the true one comes from the coordinates. */
export function linkOf(from: string, to: string, attributes: Attributes, at: string): Placed<NamedLink> {
  const found = lowerKeys(attributes);
  const published = numberOf(first(found, lengths));
  const latencyMs = numberOf(first(found, latencies));
  const [name, unitBps] = capacities.find(([key]) => found.has(key)) ?? ['', 1];
  const capacity = numberOf(found.get(name));
  return {
    from,
    to,
    ...(published === undefined ? {} : { lengthKm: { published } }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(capacity === undefined ? {} : { capacityBps: capacity * unitBps }),
    at,
  };
}

function lowerKeys(attributes: Attributes): Map<string, unknown> {
  return new Map(Object.entries(attributes).map(([key, value]) => [key.toLowerCase(), value]));
}

function first(found: ReadonlyMap<string, unknown>, keys: readonly string[]): unknown {
  const key = keys.find((candidate) => found.has(candidate));
  return key === undefined ? undefined : found.get(key);
}

/** Undefined where nothing is said; NaN where it is no number. */
function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'number' ? value : Number(value);
}
