/** A silo file checked together with all it names: key, signed membership, experiment and data. Nothing leaves the machine. */
import { stringify } from 'yaml';
import { siloOwnData } from '../compose-silo.ts';
import { siloWarnings } from '../data/index.ts';
import { type Experiment, experimentDigest, type Silo } from '../experiment/index.ts';
import { describeSilos, type SiloFacts } from './check-experiment.ts';
import type { Session } from './session.ts';
import { loadSiloSetup } from './silo-setup.ts';

export async function checkSilo(session: Session, path: string): Promise<undefined> {
  const { silo, experiment, membership, place } = await loadSiloSetup(path, session.overrides);
  const { facts, classNames, notes, warnings } = await dataFacts(silo, experiment, place.index);
  for (const warning of warnings) session.warn(warning);
  const { name, testSamples, samples, labelHistogram } = facts;
  session.answer(
    {
      path,
      kind: 'silo',
      silo,
      place,
      experimentDigest: experimentDigest(experiment, classNames),
      data: { samples, testSamples, labelHistogram },
      notes,
      warnings,
    },
    [
      stringify(silo, { lineWidth: 110 }),
      `${name} is member ${place.index} of ${membership.members.length} in ${experiment.name}: ${place.peerId}`,
      `exchanges with: ${place.neighbours.join(', ')}`,
      '',
      describeSilos([facts], classNames),
      ...notes.map((note) => `note: ${note}`),
      '',
      `${path}: fine`,
    ].join('\n'),
  );
  return undefined;
}

async function dataFacts(silo: Silo, experiment: Experiment, index: number) {
  const { description, testSamples, classNames, notes } = await siloOwnData(silo, experiment, index);
  const warnings = siloWarnings(silo.name, description, classNames);
  const { samples, labelHistogram } = description;
  const facts: SiloFacts = { name: silo.name, samples, testSamples, labelHistogram };
  return { facts, classNames, notes, warnings };
}
