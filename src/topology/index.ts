/** Overlays: builders, files, checks, mixing matrices and their spectral gap. Pure: no I/O. */
export {
  buildOverlay,
  type TopologyKind,
  type TopologySpec,
  topologyKinds,
  topologySchema,
} from './builders.ts';
export {
  components,
  diameter,
  diameterBound,
  distances,
  isConnected,
  requireConnected,
} from './connectivity.ts';
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
  inNeighbours,
  isSymmetric,
  maxDegree,
  type Overlay,
  outNeighbours,
  overlayOf,
  siloNames,
  type WeightEntry,
} from './overlay.ts';
export { checkOverlay, overlaySchema, parseOverlay } from './overlay-file.ts';
export { mixingMatrixOfRound, onePeerExponential, overlayOfRound } from './schedule.ts';
export { spectralGap } from './spectrum.ts';
