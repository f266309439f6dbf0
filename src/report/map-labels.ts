/**
 * Names on a map, placed greedily: each takes the place beside its nodes where it covers no other name and no node, and as few lines
 * as possible; where there is none it is left out. Nodes of one name at one place (routers of a city) share a name and a count.
 */
import type { Degrees, Frame, Pixels } from './map-places.ts';

export interface Label {
  readonly text: string;
  readonly left: number;
  /** Of the text's baseline. */
  readonly baseline: number;
  /** From the name to the nearest of its nodes, where it does not stand right beside it. */
  readonly leader?: readonly [from: Pixels, to: Pixels];
}

export interface LabelOptions {
  readonly frame: Frame;
  readonly fontPx: number;
  readonly radiusPx: number;
  /** Points on lines that names had better not cover; of important lines several times. */
  readonly linePoints: readonly Pixels[];
}

export interface NamedNode {
  readonly name: string;
  readonly place: Degrees;
  readonly at: Pixels;
  /** Beyond the map: the name points there. */
  readonly isOutside: boolean;
}

interface Group {
  readonly text: string;
  readonly members: readonly NamedNode[];
}

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Of a sans-serif font, a little on the safe side. */
const letterWidth = 0.56;
/** Nodes of one name this near to each other, degrees, are one place. */
const samePlaceDegrees = 0.6;
/** A name further than this from its nodes is joined to them by a line. */
const leaderGapPx = 6;
/** So many nodes are looked at: the most that a picture has room for by far. */
const labelledNodesMax = 2_000;

export interface PlacedLabels {
  readonly labels: readonly Label[];
  /** Names that found no room. */
  readonly leftOut: number;
}

export function placeLabels(nodes: readonly NamedNode[], options: LabelOptions): PlacedLabels {
  const obstacles = nodes.map(({ at }) => around(at, options.radiusPx + 1));
  const taken: Rectangle[] = [];
  const labels: Label[] = [];
  const groups = groupsOf(nodes.slice(0, labelledNodesMax), options.frame);
  for (const group of groups) {
    const found = bestPlace(group, [...obstacles, ...taken], options);
    if (found === undefined) continue;
    taken.push(found);
    labels.push({
      text: group.text,
      left: found.left + 2,
      baseline: found.bottom - 0.27 * options.fontPx,
      ...leaderOf(group, found, options.radiusPx),
    });
  }
  return { labels, leftOut: groups.length - labels.length };
}

/** The crowded last: their names find no room whatever the order. */
function groupsOf(nodes: readonly NamedNode[], frame: Frame): Group[] {
  const groups = new Map<string, NamedNode[]>();
  for (const node of nodes) {
    const key = [
      baseName(node.name),
      ...node.place.map((degrees) => Math.round(degrees / samePlaceDegrees)),
    ].join();
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const bases = new Map<string, number>();
  for (const [{ name } = { name: '' }] of groups.values())
    bases.set(baseName(name), (bases.get(baseName(name)) ?? 0) + 1);
  const labelled = [...groups.values()].map((members): Group => {
    const [first] = members as [NamedNode];
    const base = baseName(first.name);
    const isShared = members.length === 1 && (bases.get(base) ?? 0) > 1;
    const name = isShared ? townOf(first.name) : base;
    const text = members.length === 1 ? name : `${name} ×${members.length}`;
    return { text: first.isOutside ? pointing(text, first.at, frame) : text, members };
  });
  const crowd = ({ members: [first] }: Group) =>
    nodes.filter(({ at }) => Math.hypot(at[0] - first!.at[0], at[1] - first!.at[1]) < 45).length;
  return labelled
    .map((group) => ({ group, crowd: crowd(group) - group.members.length }))
    .sort((a, b) => a.crowd - b.crowd)
    .map(({ group }) => group);
}

/** An arrow to the side of the frame that is next. */
function pointing(text: string, [x, y]: Pixels, { left, top, right, bottom }: Frame): string {
  const nearest = Math.min(x - left, right - x, y - top, bottom - y);
  if (nearest === x - left) return `← ${text}`;
  if (nearest === right - x) return `${text} →`;
  return nearest === y - top ? `${text} ↑` : `${text} ↓`;
}

/** `Oak Brook, IL301` is Oak Brook. */
function townOf(name: string): string {
  const town = name.split(',')[0]!.trim();
  return town === '' ? name : town;
}

/** Without the number that tells a city's routers apart. */
function baseName(name: string): string {
  return townOf(name).replace(/(?<=\p{L})[ _-]?\d+$/u, '');
}

function bestPlace(
  { text, members }: Group,
  obstacles: readonly Rectangle[],
  { frame, fontPx, radiusPx, linePoints }: LabelOptions,
): Rectangle | undefined {
  const box = enclosing(members.map(({ at }) => around(at, radiusPx)));
  let best: Rectangle | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const [rank, place] of candidates(
    box,
    letterWidth * fontPx * text.length + 4,
    1.12 * fontPx,
  ).entries()) {
    if (place.left < frame.left + 2 || place.right > frame.right - 2) continue;
    if (place.top < frame.top + 2 || place.bottom > frame.bottom - 2) continue;
    if (obstacles.some((other) => overlap(place, other))) continue;
    const cost = linePoints.filter((point) => holds(place, point)).length + 0.1 * rank;
    if (cost < bestCost) [best, bestCost] = [place, cost];
  }
  return best;
}

/** Right, left, above, below, then the corners; then all again a little further away. */
function candidates(box: Rectangle, width: number, height: number): Rectangle[] {
  const middleX = (box.left + box.right) / 2;
  const middleY = (box.top + box.bottom) / 2;
  return [2, 7, 13].flatMap((gap) => {
    const at = (left: number, top: number) => ({ left, top, right: left + width, bottom: top + height });
    const [right, left] = [box.right + gap, box.left - gap - width];
    const [above, below] = [box.top - gap - height, box.bottom + gap];
    const centred = middleX - width / 2;
    return [
      at(right, middleY - height / 2),
      at(left, middleY - height / 2),
      at(centred, above),
      at(centred, below),
      at(right - 3, above + 3),
      at(right - 3, below - 3),
      at(left + 3, above + 3),
      at(left + 3, below - 3),
    ];
  });
}

function leaderOf({ members }: Group, box: Rectangle, radiusPx: number): Pick<Label, 'leader'> {
  const lines = members.map(({ at: [x, y] }) => {
    const from: Pixels = [
      Math.min(box.right, Math.max(box.left, x)),
      Math.min(box.bottom - 2, Math.max(box.top + 2, y)),
    ];
    const gapPx = Math.hypot(x - from[0], y - from[1]) - radiusPx;
    return { leader: [from, [x, y]] as const, gapPx };
  });
  const { leader, gapPx } = lines.reduce((nearest, line) => (line.gapPx < nearest.gapPx ? line : nearest));
  return gapPx > leaderGapPx ? { leader } : {};
}

function around([x, y]: Pixels, radius: number): Rectangle {
  return { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
}

function enclosing(boxes: readonly Rectangle[]): Rectangle {
  return boxes.reduce((all, box) => ({
    left: Math.min(all.left, box.left),
    top: Math.min(all.top, box.top),
    right: Math.max(all.right, box.right),
    bottom: Math.max(all.bottom, box.bottom),
  }));
}

function overlap(one: Rectangle, other: Rectangle): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function holds({ left, top, right, bottom }: Rectangle, [x, y]: Pixels): boolean {
  return x >= left && x <= right && y >= top && y <= bottom;
}
