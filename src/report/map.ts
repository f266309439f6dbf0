/**
 * An overlay on a map, as a standalone SVG: coastlines, the links of the underlay thin and grey, the overlay's arcs with their direction,
 * the critical cycle heavier and in another colour (it is told apart without colour too). Pure: the same input gives the same text.
 */
import type { GeoPermissibleObjects } from 'd3-geo';
import { InputError } from '../base/errors.ts';
import { placeLabels } from './map-labels.ts';
import { linePieces, outlines, type Piece, pathOf, pointAlong, tenth } from './map-lines.ts';
import { type Degrees, type Frame, type Pixels, type PlacedMap, placeNodes } from './map-places.ts';
import { escaped } from './markup.ts';

export interface MapNode {
  readonly name: string;
  /** Degrees; both wanted. */
  readonly latitude?: number;
  readonly longitude?: number;
  /** False: a place of the underlay without a silo, drawn small. */
  readonly isSilo: boolean;
}

/** Pairs are indices into `nodes`. */
export interface OverlayMap {
  readonly title: string;
  /** Smaller, below it. */
  readonly subtitles: readonly string[];
  readonly nodes: readonly MapNode[];
  readonly links: readonly Pair[];
  /** With `directed: false` every edge is there in both directions, and is drawn once. */
  readonly arcs: readonly Pair[];
  readonly directed: boolean;
  /** Arcs that the cycle time is the mean of; a silo with itself where its own steps take longest. */
  readonly critical: readonly Pair[];
  /** What the legend says of them. */
  readonly criticalText: string;
}

export type Pair = readonly [from: number, to: number];
type Lands = (scale: '110m' | '50m') => GeoPermissibleObjects;

const widthPx = 1000;
const marginPx = 14;
const heightsPx = [360, 840] as const;
const titlePx = 18;
const textPx = 12;
/** Above so many nodes everything is drawn smaller. */
const crowdedNodes = 30;
const ink = '#16191d';
const styles = {
  link: { stroke: '#a3a3a3', width: 0.6, opacity: 0.75 },
  arc: { stroke: '#2166ac', width: 1.3, opacity: 0.9 },
  critical: { stroke: '#a50f15', width: 2.8, opacity: 1 },
} as const;
type LineKind = keyof typeof styles;
const bends: Readonly<Record<LineKind, number>> = { link: 0, arc: 0.07, critical: 0.07 };

/** SVG text. Throws InputError `places-missing` where a node has no coordinates; `lands`: coastlines.ts. */
export function drawOverlayMap(map: OverlayMap, lands: Lands): string {
  const places = coordinatesOf(map.nodes);
  const isCrowded = places.length > crowdedNodes;
  const radiusPx = isCrowded ? 3 : 4.5;
  const top = marginPx + titlePx + 8 + map.subtitles.length * (textPx + 5);
  const sides = { left: marginPx, top, right: widthPx - marginPx };
  const placed = placeNodes(places, map.arcs, sides, heightsPx, isCrowded ? 11 : 14);
  const lines = linesOf(map, placed);
  const fontPx = isCrowded ? 11 : 13;
  const { labels, leftOut } = placeLabels(
    map.nodes.map(({ name }, index) => ({
      name,
      place: places[index]!,
      at: placed.at[index]!,
      isOutside: placed.outside.has(index),
    })),
    { frame: placed.frame, fontPx, radiusPx, linePoints: crossedPoints(lines) },
  );
  const { frame } = placed;
  const hasShared = new Set(places.map((place) => place.join())).size < places.length;
  const notes = notesOf(placed, leftOut, hasShared);
  const heightPx = Math.ceil(frame.bottom + 2 * textPx + marginPx + (notes.length > 0 ? textPx + 6 : 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" width="${widthPx}" height="${heightPx}" role="img" font-family="Helvetica, Arial, sans-serif" font-size="${textPx}" fill="${ink}">`,
    `<title>${escaped(map.title)}</title>`,
    `<rect width="${widthPx}" height="${heightPx}" fill="#fff"/>`,
    ...heading(map),
    coast(placed, lands),
    ...lines.map(drawnLine),
    ...labels.flatMap(({ leader }) => (leader === undefined ? [] : [leaderLine(leader)])),
    ...map.critical.filter(([from, to]) => from === to).map(([silo]) => halo(placed.at[silo]!, radiusPx)),
    ...map.nodes.map((node, index) => circle(node, placed.at[index]!, radiusPx, placed.outside.has(index))),
    `<g font-size="${fontPx}" paint-order="stroke" stroke="#fff" stroke-width="2.6" stroke-linejoin="round">`,
    ...labels.map(
      ({ text, left, baseline }) => `<text x="${tenth(left)}" y="${tenth(baseline)}">${escaped(text)}</text>`,
    ),
    '</g>',
    frameLine(frame),
    ...legend(map, frame, radiusPx),
    ...notes.map(
      (note) => `<text x="${marginPx}" y="${heightPx - 8}" fill="#4a4f57">${escaped(note)}</text>`,
    ),
    '</svg>\n',
  ].join('\n');
}

/** Throws InputError `places-missing`. */
export function coordinatesOf(nodes: readonly MapNode[]): Degrees[] {
  const lost = nodes.filter(({ latitude, longitude }) => latitude === undefined || longitude === undefined);
  if (lost.length === 0) return nodes.map(({ latitude, longitude }) => [longitude!, latitude!]);
  const names = lost.slice(0, 5).map(({ name }) => name);
  const more = lost.length > names.length ? ` and ${lost.length - names.length} more` : '';
  throw new InputError(
    'places-missing',
    `a map wants the coordinates of every node, and ${names.join(', ')}${more} ${lost.length === 1 ? 'has' : 'have'} none; add latitude and longitude to the network's file, or leave the picture out`,
  );
}

function heading({ title, subtitles }: OverlayMap): string[] {
  return [
    `<text x="${marginPx}" y="${marginPx + titlePx - 2}" font-size="${titlePx}" font-weight="600">${escaped(title)}</text>`,
    ...subtitles.map(
      (text, row) =>
        `<text x="${marginPx}" y="${marginPx + titlePx + 6 + (row + 1) * (textPx + 5) - 5}" fill="#4a4f57">${escaped(text)}</text>`,
    ),
  ];
}

function coast({ projection, isRegional }: PlacedMap, lands: Lands): string {
  const land = outlines(projection, lands(isRegional ? '50m' : '110m'), 0.9);
  const edge = isRegional ? [] : outlines(projection, { type: 'Sphere' }, 0.9);
  return [
    `<path d="${pathOf(edge, true)}" fill="none" stroke="#c4c2ba" stroke-width="0.6"/>`,
    `<path d="${pathOf(land, true)}" fill="#f1f0ec" stroke="#c4c2ba" stroke-width="0.6" stroke-linejoin="round"/>`,
  ]
    .slice(isRegional ? 1 : 0)
    .join('\n');
}

interface Line {
  readonly kind: LineKind;
  readonly pieces: readonly Piece[];
  readonly hasArrow: boolean;
  readonly isCrowded: boolean;
}

/** In the order of drawing. Ends are where the nodes are drawn, not where they are. */
function linesOf(
  { links, arcs, critical, directed, nodes }: OverlayMap,
  { projection, at }: PlacedMap,
): Line[] {
  const ends = at.map((point) => projection.invert!(point as [number, number]) as Degrees);
  const drawn = directed ? arcs : arcs.filter(([from, to]) => from < to);
  const key = ([from, to]: Pair) => from * nodes.length + to;
  const isCrowded = nodes.length > crowdedNodes;
  const heavy = new Set(critical.map(key));
  const isHeavy = ([from, to]: Pair) =>
    heavy.has(key([from, to])) || (!directed && heavy.has(key([to, from])));
  const line = (kind: LineKind, [from, to]: Pair): Line => ({
    kind,
    pieces: linePieces(projection, ends[from]!, ends[to]!, directed ? bends[kind] : 0),
    hasArrow: directed && kind !== 'link',
    isCrowded,
  });
  return [
    ...links.map((pair) => line('link', pair)),
    ...drawn.filter((pair) => !isHeavy(pair)).map((pair) => line('arc', pair)),
    ...drawn.filter(isHeavy).map((pair) => line('critical', pair)),
  ].filter(({ pieces }) => pieces.length > 0);
}

function drawnLine({ kind, pieces, hasArrow, isCrowded }: Line): string {
  const { stroke, width, opacity } = styles[kind];
  const thin = isCrowded && kind !== 'link' ? 0.7 : 1;
  const path = `<path class="${kind}" d="${pathOf(pieces)}" fill="none" stroke="${stroke}" stroke-width="${tenth(width * thin)}" opacity="${opacity}"/>`;
  return hasArrow ? path + arrow(pieces, stroke, (kind === 'critical' ? 10 : 7.5) * thin) : path;
}

/** A little past the middle, where two directions of a pair do not meet. */
function arrow(pieces: readonly Piece[], fill: string, sizePx: number): string {
  const place = pointAlong(pieces, 0.58);
  if (place === undefined || place.lengthPx < 8) return '';
  const size = Math.min(sizePx, place.lengthPx / 2.2);
  const corner = (along: number, across: number) => {
    const [cos, sin] = [Math.cos(place.angle), Math.sin(place.angle)];
    const x = place.at[0] + along * cos - across * sin;
    const y = place.at[1] + along * sin + across * cos;
    return `${tenth(x)},${tenth(y)}`;
  };
  return `<path d="M${corner(size * 0.6, 0)}L${corner(-size * 0.4, size * 0.42)}L${corner(-size * 0.4, -size * 0.42)}Z" fill="${fill}"/>`;
}

function circle({ name, isSilo }: MapNode, [x, y]: Pixels, radiusPx: number, isOutside: boolean): string {
  const kind = isSilo ? 'silo' : 'junction';
  const radius = isSilo ? radiusPx : radiusPx * 0.6;
  const paint = isSilo && !isOutside ? `fill="${ink}" stroke="#fff"` : `fill="#fff" stroke="${ink}"`;
  const title = `<title>${escaped(name)}</title>`;
  return `<circle class="${kind}" cx="${tenth(x)}" cy="${tenth(y)}" r="${radius}" ${paint}>${title}</circle>`;
}

function leaderLine(leader: readonly [Pixels, Pixels]): string {
  return `<path d="${pathOf([leader])}" stroke="#5f646b" stroke-width="0.5"/>`;
}

function halo([x, y]: Pixels, radiusPx: number): string {
  const { stroke, width } = styles.critical;
  return `<circle class="critical" cx="${tenth(x)}" cy="${tenth(y)}" r="${radiusPx + 4}" fill="none" stroke="${stroke}" stroke-width="${width}"/>`;
}

function frameLine({ left, top, right, bottom }: Frame): string {
  return `<rect x="${left}" y="${tenth(top)}" width="${right - left}" height="${tenth(bottom - top)}" fill="none" stroke="#8b8f96" stroke-width="0.8"/>`;
}

function legend(
  { links, arcs, directed, critical, criticalText }: OverlayMap,
  frame: Frame,
  radiusPx: number,
): string[] {
  const y = frame.bottom + textPx + 8;
  const entries: readonly (readonly [kind: LineKind | 'silo', text: string])[] = [
    ['silo', 'silo'],
    ...(links.length > 0 ? [['link', 'link of the underlay'] as const] : []),
    ...(arcs.length > critical.length ? [['arc', `overlay, ${shownArcs(arcs, directed)}`] as const] : []),
    ...(critical.length > 0 ? [['critical', criticalText] as const] : []),
  ];
  let left = frame.left;
  return entries.map(([kind, text]) => {
    const start = left;
    const symbolPx = kind === 'silo' ? 2 * radiusPx : 30;
    left += symbolPx + 30 + text.length * textPx * 0.47;
    const words = `<text x="${tenth(start + symbolPx + 6)}" y="${tenth(y)}">${escaped(text)}</text>`;
    if (kind === 'silo') {
      return `<circle cx="${start + radiusPx}" cy="${tenth(y - 4)}" r="${radiusPx}" fill="${ink}"/>${words}`;
    }
    const { stroke, width } = styles[kind];
    const piece: Pixels[] = [
      [start, y - 4],
      [start + symbolPx, y - 4],
    ];
    const head = directed && kind !== 'link' ? arrow([piece], stroke, 8) : '';
    return `<path d="${pathOf([piece])}" stroke="${stroke}" stroke-width="${width}"/>${head}${words}`;
  });
}

function shownArcs({ length }: readonly Pair[], directed: boolean): string {
  return directed ? `${length} arcs: who sends to whom` : `${length / 2} edges, both directions`;
}

function notesOf({ outside }: PlacedMap, leftOut: number, hasShared: boolean): string[] {
  const parts = [
    ...(hasShared ? ['silos of one place are drawn around it'] : []),
    ...(outside.size > 0
      ? [`${outside.size} ${outside.size === 1 ? 'silo' : 'silos'} beyond the map at its edge, hollow`]
      : []),
    ...(leftOut > 0 ? [`${leftOut} ${leftOut === 1 ? 'name' : 'names'} left out for want of room`] : []),
  ];
  const [first = '', ...others] = parts;
  return parts.length === 0
    ? []
    : [`${[first.replace(/^./, (letter) => letter.toUpperCase()), ...others].join('; ')}.`];
}

/** Points every few pixels on the lines of the overlay, those of the critical cycle three times. */
function crossedPoints(lines: readonly Line[]): Pixels[] {
  return lines
    .filter(({ kind }) => kind !== 'link')
    .flatMap(({ kind, pieces }) => {
      const points = pieces.flatMap((piece) =>
        piece.flatMap((point, index) => between(piece[index - 1], point)),
      );
      return kind === 'critical' ? [...points, ...points, ...points] : points;
    });
}

function between(start: Pixels | undefined, end: Pixels): Pixels[] {
  if (start === undefined) return [end];
  const count = Math.min(200, Math.ceil(Math.hypot(end[0] - start[0], end[1] - start[1]) / 5));
  return Array.from({ length: count }, (_, step): Pixels => {
    const t = (step + 1) / count;
    return [start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])];
  });
}
