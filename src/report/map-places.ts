/**
 * Where the nodes of a map stand on the page. The projection is fitted to the region that holds most of them: a conformal cone
 * where it is smaller than a continent or two, else Natural Earth, turned so that the widest empty stretch of longitudes is at the edge.
 * The few that are far from that region stand at the frame, in their direction. Nodes that would cover each other are moved apart.
 */
import { type GeoProjection, geoConicConformal, geoDistance, geoInterpolate, geoNaturalEarth1 } from 'd3-geo';

/** Degrees: longitude, latitude, as d3 has it. */
export type Degrees = [longitude: number, latitude: number];
/** Pixels from the upper left. */
export type Pixels = readonly [x: number, y: number];

export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface PlacedMap {
  readonly projection: GeoProjection;
  readonly frame: Frame;
  /** True where the map shows one region, not half the world. */
  readonly isRegional: boolean;
  /** Where each node is drawn. */
  readonly at: readonly Pixels[];
  /** Nodes too far away for the map, which stand at its frame. */
  readonly outside: ReadonlySet<number>;
}

const earthKm = 6371;
/** Places closer than this belong to one region. */
const regionGapKm = 2_500;
/** Of the nodes, what a region holds at least for the map to show it alone. */
const regionShare = 0.8;
const paddingShare = 0.08;
const edgePx = 26;
const spreadRounds = 300;
/** Beyond so many nodes they may cover each other. */
const spreadNodesMax = 1_000;

/**
 * `lines`: pairs of places joined by great circles that the map should not cut off. `apartPx`: between the middles of two nodes, at
 * least. The frame is as high as the region wants, within the two heights.
 */
export function placeNodes(
  places: readonly Degrees[],
  lines: readonly (readonly [from: number, to: number])[],
  { left, top, right }: Omit<Frame, 'bottom'>,
  [heightMinPx, heightMaxPx]: readonly [number, number],
  apartPx: number,
): PlacedMap {
  const shown = mainRegion(places);
  const inside = new Set(shown);
  const between = lines.filter(([from, to]) => inside.has(from) && inside.has(to));
  const region = padded(
    boxOf(
      shown.map((index) => places[index]!),
      between.flatMap(([from, to]) => latitudesBetween(places[from]!, places[to]!)),
    ),
  );
  const isRegional = region.width <= 120 && region.height <= 70;
  const projection = isRegional ? regional(region) : worldwide(region);
  const frame = fitted(projection, region, { left, top, right }, [heightMinPx, heightMaxPx]);
  const outside = new Set([...places.keys()].filter((index) => !inside.has(index)));
  const raw = places.map(
    (place, index): Pixels =>
      outside.has(index) ? atEdge(projection, place, frame) : (projection(place) as [number, number]),
  );
  return { projection, frame, isRegional, at: spread(raw, frame, apartPx), outside };
}

interface Box {
  /** May be below −180 where the box crosses that meridian. */
  readonly west: number;
  readonly south: number;
  readonly width: number;
  readonly height: number;
}

/** Of the great circle, as far as a map goes without getting useless. */
function latitudesBetween(from: Degrees, to: Degrees): number[] {
  const along = geoInterpolate(from, to);
  return [0.25, 0.5, 0.75].map((share) => Math.max(-70, Math.min(70, along(share)[1])));
}

/** Around all places, its sides at the widest empty stretch of longitudes. */
function boxOf(places: readonly Degrees[], otherLatitudes: readonly number[]): Box {
  const longitudes = places.map(([longitude]) => longitude).sort((a, b) => a - b);
  let east = longitudes.at(-1)!;
  let widest = 360 - (east - longitudes[0]!);
  for (const [index, longitude] of longitudes.slice(1).entries()) {
    const gap = longitude - longitudes[index]!;
    if (gap > widest) [widest, east] = [gap, longitudes[index]!];
  }
  const latitudes = [...places.map(([, latitude]) => latitude), ...otherLatitudes];
  const south = latitudes.reduce((a, b) => Math.min(a, b));
  const north = latitudes.reduce((a, b) => Math.max(a, b));
  return { west: east + widest - 360, south, width: 360 - widest, height: north - south };
}

function padded({ west, south, width, height }: Box): Box {
  const x = Math.max(width * paddingShare, (2 - width) / 2, 0.5 * height * paddingShare);
  const y = Math.max(height * paddingShare, (1.5 - height) / 2);
  const wide = Math.min(360, width + 2 * x);
  const bottom = Math.max(-89, south - y);
  return {
    west: west - (wide - width) / 2,
    south: bottom,
    width: wide,
    height: Math.min(89, south + height + y) - bottom,
  };
}

/** Indices of the largest region, or of all places where no region holds most of them. */
function mainRegion(places: readonly Degrees[]): number[] {
  const all = Array.from(places.keys());
  const left = new Set(all);
  let main: number[] = [];
  while (left.size > main.length) {
    const [first] = left as Iterable<number> as [number];
    const region = [...left].slice(0, 1);
    left.delete(first);
    for (const one of region) {
      for (const other of left) {
        if (geoDistance(places[one]!, places[other]!) * earthKm > regionGapKm) continue;
        left.delete(other);
        region.push(other);
      }
    }
    if (region.length > main.length) main = region;
  }
  return main.length >= regionShare * places.length ? main.sort((a, b) => a - b) : all;
}

/** Standard parallels a sixth within the region; a cone does not stand over the equator. */
function regional({ west, south, width, height }: Box): GeoProjection {
  const low = south + height / 6;
  const high = south + (5 * height) / 6;
  const isTropical = Math.abs(low + high) < 20;
  const parallels: [number, number] = isTropical ? [10, 20] : [low, high];
  return geoConicConformal()
    .parallels(parallels)
    .rotate([-(west + width / 2), 0]);
}

function worldwide({ west, width }: Box): GeoProjection {
  return geoNaturalEarth1().rotate([-(west + width / 2), 0]);
}

/** Scales and shifts the projection to the frame's width; where that is too high for it, to its height. */
function fitted(
  projection: GeoProjection,
  { west, south, width, height }: Box,
  { left, top, right }: Omit<Frame, 'bottom'>,
  [heightMin, heightMax]: readonly [number, number],
): Frame {
  const steps = Array.from({ length: 25 }, (_, step) => step / 24);
  const border = steps.flatMap((step): Degrees[] => [
    [west + step * width, south],
    [west + step * width, south + height],
    [west, south + step * height],
    [west + width, south + step * height],
  ]);
  const inner = 0.9999;
  const coordinates = border.map(
    ([longitude, latitude]): Degrees => [west + width / 2 + (longitude - west - width / 2) * inner, latitude],
  );
  const outline = { type: 'MultiPoint' as const, coordinates };
  projection.clipExtent(null);
  projection.fitWidth(right - left, outline);
  const points = coordinates.map((point) => projection(point)![1]);
  const asked = points.reduce((a, b) => Math.max(a, b)) - points.reduce((a, b) => Math.min(a, b));
  const bottom = top + Math.min(heightMax, Math.max(heightMin, asked));
  projection.fitExtent(
    [
      [left, top],
      [right, bottom],
    ],
    outline,
  );
  projection.clipExtent([
    [left, top],
    [right, bottom],
  ]);
  return { left, top, right, bottom };
}

/** As near as the frame lets it come to where it would be if the map went on so far. */
function atEdge(projection: GeoProjection, place: Degrees, { left, top, right, bottom }: Frame): Pixels {
  const [x, y] = projection(place) as [number, number];
  return [
    Math.min(right - edgePx, Math.max(left + edgePx, x)),
    Math.min(bottom - edgePx, Math.max(top + edgePx, y)),
  ];
}

/** Circles pushed apart until none covers another, each as near to its place as that allows. */
function spread(raw: readonly Pixels[], { left, top, right, bottom }: Frame, apartPx: number): Pixels[] {
  const count = raw.length;
  // A sunflower of hardly any size tells those at one place apart.
  const at = raw.map(([x, y], index): [number, number] => {
    const angle = index * 2.399963;
    return [x + 0.01 * Math.cos(angle), y + 0.01 * Math.sin(angle)];
  });
  if (count > spreadNodesMax) return at;
  const marginPx = apartPx / 2 + 2;
  for (let round = 0; round < spreadRounds; round++) {
    let moved = false;
    for (let one = 0; one < count; one++) {
      for (let other = 0; other < one; other++) moved = pushed(at[one]!, at[other]!, apartPx) || moved;
    }
    for (const point of at) {
      point[0] = Math.min(right - marginPx, Math.max(left + marginPx, point[0]));
      point[1] = Math.min(bottom - marginPx, Math.max(top + marginPx, point[1]));
    }
    if (!moved) break;
  }
  return at;
}

function pushed(one: [number, number], other: [number, number], apartPx: number): boolean {
  const [x, y] = [one[0] - other[0], one[1] - other[1]];
  const distance = Math.hypot(x, y);
  if (distance >= apartPx) return false;
  const share = (apartPx - distance + 0.05) / (2 * distance);
  one[0] += x * share;
  one[1] += y * share;
  other[0] -= x * share;
  other[1] -= y * share;
  return true;
}
