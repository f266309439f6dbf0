/** All designers, by name. A new one is one file and one line here, and it is in the help text and the table. */
import { checkAgainst } from '../../base/document.ts';
import { InputError, ProblemsError } from '../../base/errors.ts';
import { nearest } from '../../base/schema-problems.ts';
import { baseK } from './base-k.ts';
import { best } from './best.ts';
import { complete } from './complete.ts';
import { dCliques } from './d-cliques.ts';
import { deltaMbst } from './delta-mbst.ts';
import type { Design, Designer, DesignProblem, DesignRun } from './designer.ts';
import { epidemic } from './epidemic.ts';
import { equiDynamic, equiStatic } from './equitopo.ts';
import { exponential } from './exponential.ts';
import { bestFreeArcs, ringFreeArcs } from './free-arcs.ts';
import { matcha } from './matcha.ts';
import { matchaPlus } from './matcha-plus.ts';
import { mst } from './mst.ts';
import { multigraphRing } from './multigraph-ring.ts';
import { onePeerExponential } from './one-peer-exponential.ts';
import { placedSchedule } from './placed-schedule.ts';
import { randomRegular } from './random-regular.ts';
import { ring, ringChristofides } from './ring.ts';
import { star, starBestHub } from './star.ts';
import { stlFw } from './stl-fw.ts';
import { underlayLinks } from './underlay-links.ts';

/** A designer whose options are still as people wrote them. */
export interface RegisteredDesigner extends Pick<Designer, 'name' | 'summary' | 'silosMax' | 'patience'> {
  /** As Designer.design; throws ProblemsError for options, InputError `design-too-large` above `silosMax`. */
  design(problem: DesignProblem, options: unknown, run: DesignRun): Design;
}

/** In the order of the comparison table. */
export const designers: readonly RegisteredDesigner[] = [
  registered(star),
  registered(starBestHub),
  registered(mst),
  registered(deltaMbst),
  registered(ringChristofides),
  registered(ring),
  registered(multigraphRing),
  registered(baseK),
  registered(placedSchedule),
  registered(best),
  registered(bestFreeArcs),
  registered(ringFreeArcs),
  registered(matcha),
  registered(matchaPlus),
  registered(underlayLinks),
  registered(complete),
  registered(randomRegular),
  registered(exponential),
  registered(onePeerExponential),
  registered(equiStatic),
  registered(equiDynamic),
  registered(epidemic),
  registered(dCliques),
  registered(stlFw),
];

/** Throws InputError `designer-unknown`, with the nearest name. */
export function findDesigner(name: string): RegisteredDesigner {
  const found = designers.find((designer) => designer.name === name);
  if (found !== undefined) return found;
  const names = designers.map((designer) => designer.name);
  const near = nearest(name, names);
  const hint = near === undefined ? '.' : `; did you mean ${near}?`;
  throw new InputError(
    'designer-unknown',
    `overlay ${name} is not known${hint} Wanted one of ${names.join(', ')}, or all`,
  );
}

/** A designer that checks its options itself: what the registry lists, and what an own designer needs to be compared. */
export function registered<Options>({
  name,
  summary,
  silosMax,
  patience = 1,
  options,
  design,
}: Designer<Options>): RegisteredDesigner {
  return {
    name,
    summary,
    silosMax,
    patience,
    design(problem, given, run) {
      const { siloCount } = problem.graph;
      if (siloCount > silosMax) {
        const message = `${name} over ${siloCount} silos; it is made for at most ${silosMax}`;
        throw new InputError('design-too-large', message, { silos: siloCount, silosMax });
      }
      const checked = checkAgainst(options, given ?? {});
      if (!checked.ok) throw new ProblemsError(`options of ${name}`, checked.problems);
      return design(problem, checked.value, run);
    },
  };
}
