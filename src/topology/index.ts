/**
 * Networks, overlays and how good they are: underlays and delays; designers of overlays and their registry; judging by
 * cycle time and consensus; builders, files, mixing matrices and spectral gaps. Delays in ms, rates in bits per second,
 * lengths in km; arc [i, j] says that i sends to j. Pure but for openUnderlay, which reads a file.
 */

export { type BoundRun, type OverlayBound, overlayLowerBound } from './bounds/overlay-bound.ts';
export {
  buildOverlay,
  type TopologyKind,
  type TopologySpec,
  topologyKinds,
  topologySchema,
} from './builders.ts';
export {
  boundOf,
  type ComparedDesign,
  type CompareOptions,
  type Comparison,
  compareDesigns,
  designOne,
  type SkippedDesign,
} from './compare.ts';
export {
  components,
  diameter,
  diameterBound,
  distances,
  isConnected,
  requireConnected,
} from './connectivity.ts';
export { type Conditions, connectivityGraph, publishedConditions } from './connectivity-graph.ts';
export { type Consensus, consensusOf, effectiveNeighbours } from './consensus.ts';
export type { WeightedDigraph } from './cycle-time/digraph.ts';
export { type CycleMean, maximumCycleMean } from './cycle-time/howard.ts';
export type { CriticalCycle } from './cycle-time/schedule-cycle.ts';
export {
  arcDelayMs,
  arcDelaysMs,
  type ConnectivityGraph,
  delayDigraph,
  delayMatrix,
  roundComputeMs,
} from './delays.ts';
export type { Design, Designer, DesignProblem, DesignRun } from './designers/designer.ts';
export { designers, findDesigner, type RegisteredDesigner, registered } from './designers/registry.ts';
export { type Judgement, type JudgeOptions, judge } from './judge.ts';
export { type LabelShares, labelSharesSchema } from './label-shares.ts';
export {
  defaultMixing,
  type MixingMatrix,
  type MixingSpec,
  mix,
  mixingMatrix,
  mixingProblems,
  namedWeights,
} from './mixing.ts';
export {
  type Arc,
  type ArcGroup,
  inNeighbours,
  isSymmetric,
  maxDegree,
  type Overlay,
  outNeighbours,
  overlayOf,
  type RoundDraw,
  type StaleArc,
  siloNames,
  type Timing,
  type WeightEntry,
} from './overlay.ts';
export { checkOverlay, overlayBytesMax, overlaySchema, parseOverlay } from './overlay-file.ts';
export { overlayText } from './overlay-text.ts';
export { mixingMatrices, mixingMatrixOfRound, onePeerExponential, overlayOfRound } from './schedule.ts';
export { type MatchedOverlay, matchedSilos, type SiloMatch } from './silos-by-name.ts';
export { periodGap, spectralGap } from './spectrum.ts';
export { starCycleTimeMs } from './star-rule.ts';
export { oneTreeBound } from './tours/one-tree-bound.ts';
export { tourLengthMs } from './tours/ring-tour.ts';
export { linkLengths } from './underlay/lengths.ts';
export { builtInUnderlays, openUnderlay, parseUnderlay } from './underlay/open.ts';
export type {
  LengthKind,
  Measured,
  SiloSite,
  Underlay,
  UnderlayLink,
  UnderlayNode,
} from './underlay/underlay.ts';
export { findWorkload, type Workload, workloads } from './workloads.ts';
