/** The validated, frozen description of a run: every default filled in, the graph built, paths absolute. */
import type { Encoding } from '../exchange/encoding.ts';
import type { DeadlineOptions } from '../exchange/rule.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import type { MixingSpec } from '../topology/mixing.ts';
import type { Overlay } from '../topology/overlay.ts';
import type { NetworkLinks } from './network-links.ts';
import type { Baseline, Carrier, ExperimentFile, ModelSpec, TrainSettings } from './schema.ts';
import type { LinksBlock, SimulateBlock } from './world.ts';

export interface Experiment {
  readonly name: string;
  readonly seed: number;
  readonly data: {
    /** Paths in it are absolute. */
    readonly dataset: ExperimentFile['data']['dataset'];
    readonly silos: number;
    readonly partition: ExperimentFile['data']['partition'];
    /** Each silo's own held-out share, 0 to 0.9. */
    readonly testShare: number;
  };
  readonly model: ModelSpec;
  readonly train: TrainSettings;
  /** The topology block as the user wrote it, defaults filled in; a file's or a designed overlay is written out. */
  readonly topology: Readonly<Record<string, unknown>>;
  /** The graph that `topology` describes, with data.silos nodes, connected. */
  readonly overlay: Overlay;
  readonly exchange: {
    readonly rule: string;
    /** The rule's own options, complete. */
    readonly options: Readonly<Record<string, unknown>>;
    /** Checked: mixingMatrices(overlay, weights) exist. */
    readonly weights: MixingSpec;
    readonly carrier: Carrier;
    readonly encoding: Encoding;
    readonly deadline: DeadlineOptions;
  };
  /** Absent where nothing is aggregated. */
  readonly aggregate?: NonNullable<ExperimentFile['aggregate']>;
  readonly evaluate: { readonly everyRounds: number };
  readonly checkpoint: { readonly everyRounds: number; readonly keep: number };
  readonly baselines: readonly Baseline[];
  readonly record: 'summary' | 'rounds' | 'all';
  /** What messages meet between silos, and how training is computed and how long it takes, where the run is simulated. */
  readonly links: LinksBlock | NetworkLinks;
  /** A trace's path is absolute. */
  readonly simulate: SimulateBlock;
  /** What goes wrong, drawn and with peers by index; absent where nothing does. */
  readonly faults?: FaultSchedule;
  /** At least one is given; the run ends at whichever comes first. */
  readonly stop: { readonly rounds?: number; readonly seconds?: number; readonly targetAccuracy?: number };
}

/** The optimiser as train/ names it. */
export function optimizerOf(train: TrainSettings) {
  switch (train.optimizer) {
    case 'sgd':
      return { kind: 'sgd' } as const;
    case 'momentum':
      return { kind: 'momentum', momentum: train.momentum, nesterov: train.nesterov } as const;
    case 'adam':
      return { kind: 'adam', beta1: train.beta1, beta2: train.beta2, epsilon: train.epsilon } as const;
  }
}
