/** Designs and judgements as tables, text and JSON. */
import { assert } from '../base/assert.ts';
import { formatTable, type Style } from '../report/index.ts';
import { withoutEmptyColumns } from '../report/table.ts';
import type { ComparedDesign, ConnectivityGraph, CriticalCycle, Judgement } from '../topology/index.ts';

/** Ms below which no static strong overlay can be; undefined where no designer proved any. */
export type DesignBound = number | undefined;

/** Sums along a cycle and in a proof may differ by so much. */
const roundingShare = 1e-9;

/**
 * The bound and the gap, λ / bound − 1, of what the bound is about: rounds over one static strong overlay. A bound above λ
 * beyond rounding would be false: AssertionError.
 */
function gapOf({ cycleTimeMs, timing }: Judgement, bound: DesignBound, isStatic: boolean) {
  const applies = isStatic && (timing === 'gossip' || timing === 'star');
  if (bound === undefined || !applies) return { lowerBoundMs: null, gap: null };
  assert(
    cycleTimeMs >= bound * (1 - roundingShare),
    () => `an overlay with a cycle time of ${cycleTimeMs} ms is below ${bound} ms, the bound for any overlay`,
  );
  return { lowerBoundMs: bound, gap: Math.max(0, cycleTimeMs / bound - 1) };
}

export function designDocument({ name, design, judgement }: ComparedDesign, bound: DesignBound) {
  const isStatic = design.overlay.schedule === undefined;
  return {
    overlay: name,
    ...judgementDocument(judgement, bound, isStatic),
    notes: design.notes,
  };
}

export function judgementDocument(judgement: Judgement, bound: DesignBound, isStatic: boolean) {
  const { consensus, criticalCycle, secondsToConsensus, exactAverageMs } = judgement;
  const rounds = consensus?.roundsTo1e3;
  return {
    cycleTimeMs: judgement.cycleTimeMs,
    ...gapOf(judgement, bound, isStatic),
    arcs: judgement.arcCount,
    maxDegree: judgement.maxDegree,
    spectralGap: consensus?.spectralGap ?? null,
    roundsToConsensus: rounds === undefined || !Number.isFinite(rounds) ? null : rounds,
    secondsToConsensus:
      secondsToConsensus === undefined || !Number.isFinite(secondsToConsensus) ? null : secondsToConsensus,
    exactAverageMs: exactAverageMs ?? null,
    effectiveNeighbours: consensus?.effectiveNeighbours ?? null,
    timing: judgement.timing,
    ...(judgement.mixingUnfinished ? { mixingUnfinished: true } : {}),
    ...(judgement.confidenceMs === undefined ? {} : { confidenceMs: judgement.confidenceMs }),
    ...(criticalCycle === undefined ? {} : { criticalCycle: criticalCycle.silos }),
  };
}

const right = 'right' as const;

export function comparisonTable(
  designs: readonly ComparedDesign[],
  bound: DesignBound,
  style: Style,
): string {
  const table = {
    columns: [
      { title: 'overlay' },
      { title: 'cycle ms', align: right },
      { title: '± ms', align: right },
      { title: 'gap', align: right },
      { title: 'arcs', align: right },
      { title: 'degree', align: right },
      { title: 'spectral gap', align: right },
      { title: 's to consensus', align: right },
      { title: 'ms to exact', align: right },
      { title: 'n_W', align: right },
    ],
    rows: designs.map(({ name, design, judgement }) => {
      const { gap } = gapOf(judgement, bound, design.overlay.schedule === undefined);
      const { consensus, secondsToConsensus, exactAverageMs, confidenceMs } = judgement;
      return [
        name,
        judgement.cycleTimeMs.toFixed(2),
        shown(confidenceMs, 1),
        gap === null ? '–' : `${(100 * gap).toFixed(2)} %`,
        String(judgement.arcCount),
        String(judgement.maxDegree),
        shown(consensus?.spectralGap, 5),
        secondsToConsensus === Number.POSITIVE_INFINITY ? 'never' : shown(secondsToConsensus, 2),
        shown(exactAverageMs, 0),
        shown(consensus?.effectiveNeighbours, 2),
      ];
    }),
  };
  const line = bound === undefined ? [] : [`at least ${bound.toFixed(2)} ms for any static overlay`];
  const unfinished = designs.filter(({ judgement }) => judgement.mixingUnfinished).map(({ name }) => name);
  const cut =
    unfinished.length === 0 ? [] : [`no time left for the mixing of ${unfinished.join(', ')}; allow more`];
  const aged = designs.filter(({ judgement }) => judgement.timing === 'pipelined').map(({ name }) => name);
  const stale =
    aged.length === 0 ? [] : [`no mixing of ${aged.join(', ')}: models of several ages, no one matrix says`];
  return [formatTable(withoutEmptyColumns(table, '–'), style), ...line, ...stale, ...cut].join('\n');
}

export function designText(
  { name, design, judgement }: ComparedDesign,
  bound: DesignBound,
  graph: ConnectivityGraph,
): string {
  const isStatic = design.overlay.schedule === undefined;
  return [
    `overlay ${name}`,
    ...judgementLines(judgement, bound, isStatic, graph),
    ...design.notes.map((note) => `  ${note}`),
  ].join('\n');
}

/** `cycle 116.46 ms, at least 116.46 ms for any overlay (gap 0.00 %)`, its critical cycle, degrees and mixing. */
export function judgementLines(
  judgement: Judgement,
  bound: DesignBound,
  isStatic: boolean,
  graph: ConnectivityGraph,
): string[] {
  const { consensus, confidenceMs, criticalCycle, secondsToConsensus, exactAverageMs } = judgement;
  const margin = confidenceMs === undefined ? '' : ` ± ${confidenceMs.toFixed(2)} (95 %)`;
  return [
    `cycle ${judgement.cycleTimeMs.toFixed(2)} ms${margin}${boundText(judgement, bound, isStatic)}`,
    ...(criticalCycle === undefined ? [] : [criticalLine(criticalCycle, graph, judgement)]),
    `${judgement.arcCount} arcs, at most ${judgement.maxDegree} in or out of a silo in a round`,
    ...(consensus === undefined
      ? []
      : [
          `spectral gap ${consensus.spectralGap.toPrecision(4)}${consensus.isEstimate ? ' (estimate)' : ''}` +
            (consensus.effectiveNeighbours === undefined
              ? ''
              : `, effective neighbours n_W(0.9) ${consensus.effectiveNeighbours.toFixed(2)}`),
          secondsToConsensus === Number.POSITIVE_INFINITY
            ? 'never comes to consensus'
            : `${secondsToConsensus?.toFixed(2)} s to consensus within 1e-3 (${consensus.roundsTo1e3} rounds)`,
        ]),
    ...(exactAverageMs === undefined ? [] : [`${exactAverageMs.toFixed(0)} ms to the exact average`]),
    ...(judgement.mixingUnfinished ? ['no time left to find out how it mixes; allow more'] : []),
  ];
}

/** `, at least 116.46 ms for any overlay (gap 0.00 %)`; nothing where no bound is about it. */
export function boundText(judgement: Judgement, bound: DesignBound, isStatic: boolean): string {
  const { lowerBoundMs, gap } = gapOf(judgement, bound, isStatic);
  if (lowerBoundMs === null) return '';
  return `, at least ${lowerBoundMs.toFixed(2)} ms for any overlay (gap ${(100 * (gap ?? 0)).toFixed(2)} %)`;
}

const cycleShownMax = 12;

function criticalLine({ silos }: CriticalCycle, { names }: ConnectivityGraph, { timing }: Judgement): string {
  const closed = timing === 'star' ? silos : [...silos, silos[0]!];
  const shownSilos = closed.slice(0, cycleShownMax).map((silo) => names[silo]);
  const more = closed.length > cycleShownMax ? ` → … (${silos.length} silos)` : '';
  return `critical cycle: ${shownSilos.join(' → ')}${more}`;
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}
