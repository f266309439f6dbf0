/**
 * Lines of a map: great circles, bent a little to the right of their direction, so that both directions of a pair, and links below
 * arcs, can be told apart. A line that leaves the map on one side and comes back on the other is in pieces.
 */
import { type GeoProjection, geoPath, geoRotation } from 'd3-geo';
import type { Degrees, Pixels } from './map-places.ts';

export type Piece = readonly Pixels[];

const samples = 16;

/** What is seen of the line. `bend`: its height as a share of its length. */
export function linePieces(projection: GeoProjection, from: Degrees, to: Degrees, bend: number): Piece[] {
  return recorded(projection, { type: 'LineString', coordinates: bentLine(from, to, bend) });
}

/** SVG path data, a tenth of a pixel fine. */
export function pathOf(pieces: readonly Piece[], isClosed = false): string {
  const end = isClosed ? 'Z' : '';
  return pieces
    .map((piece) => `M${piece.map(([x, y]) => `${tenth(x)},${tenth(y)}`).join('L')}${end}`)
    .join('');
}

/** What is seen of polygons, without steps that are too short to see. */
export function outlines(
  projection: GeoProjection,
  object: Parameters<ReturnType<typeof geoPath>>[0],
  leastStepPx: number,
): Piece[] {
  return recorded(projection, object)
    .map((piece) => thinned(piece, leastStepPx))
    .filter((piece) => piece.length > 3);
}

/** A place on the line and the direction there: at that share of its longest piece's length. */
export function pointAlong(pieces: readonly Piece[], share: number) {
  const lengths = pieces.map(lengthOf);
  const longest = lengths.indexOf(lengths.reduce((a, b) => Math.max(a, b), 0));
  const piece = pieces[longest];
  if (piece === undefined || piece.length < 2) return undefined;
  let leftPx = lengths[longest]! * share;
  for (const [index, end] of piece.slice(1).entries()) {
    const start = piece[index]!;
    const stepPx = distance(start, end);
    if (stepPx > 0 && leftPx <= stepPx) {
      const part = leftPx / stepPx;
      const at: Pixels = [start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])];
      return { at, angle: Math.atan2(end[1] - start[1], end[0] - start[0]), lengthPx: lengths[longest]! };
    }
    leftPx -= stepPx;
  }
  return undefined;
}

export function tenth(value: number): number {
  return Math.round(10 * value) / 10;
}

/** In a frame turned so that the line runs along the equator, a bend is a latitude. */
function bentLine(from: Degrees, to: Degrees, bend: number): Degrees[] {
  const toStart = geoRotation([-from[0], -from[1]]);
  const [x, y] = toStart(to);
  const turn =
    (Math.atan2(Math.sin(radians(y)), Math.cos(radians(y)) * Math.sin(radians(x))) * 180) / Math.PI;
  const level = geoRotation([-from[0], -from[1], -turn]);
  const [end] = level(to);
  return Array.from({ length: samples + 1 }, (_, step) => {
    const t = step / samples;
    return level.invert([t * end, -4 * bend * Math.abs(end) * t * (1 - t)]) as Degrees;
  });
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

/** The projected lines of a d3 path, recorded instead of written. */
function recorded(projection: GeoProjection, object: Parameters<ReturnType<typeof geoPath>>[0]): Piece[] {
  const pieces: Pixels[][] = [];
  const context = {
    moveTo: (x: number, y: number) => void pieces.push([[x, y]]),
    lineTo: (x: number, y: number) => void pieces.at(-1)!.push([x, y]),
    beginPath: () => undefined,
    closePath: () => undefined,
    arc: () => undefined,
  };
  geoPath(projection, context)(object);
  return pieces;
}

function thinned(piece: Piece, leastStepPx: number): Piece {
  const kept: Pixels[] = [];
  for (const point of piece) {
    const last = kept.at(-1);
    if (last === undefined || distance(last, point) >= leastStepPx) kept.push(point);
  }
  return kept;
}

function lengthOf(piece: Piece): number {
  return piece.slice(1).reduce((sum, point, index) => sum + distance(piece[index]!, point), 0);
}

function distance(one: Pixels, other: Pixels): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}
