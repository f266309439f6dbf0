/** What is wrong with a fault schedule for so many peers, so long a run and such a graph; every problem at once. */
import type { Problem } from '../base/errors.ts';
import type { Arcs } from './deeds.ts';
import type { ArcSelection, Fault, FaultSchedule, LinkFault } from './fault.ts';
import { isLinkFault } from './link-faults.ts';
import { among } from './selection.ts';
import { spanProblems } from './spans.ts';
import { contradictions } from './timeline.ts';

export interface FaultScene {
  /** By peer. */
  readonly names: readonly string[];
  readonly arcs: Arcs;
  /** Where the run's time is known. */
  readonly runMs?: number;
}

/** `places[i]`: where fault i was written, for messages. */
export function scheduleProblems(
  { faults }: FaultSchedule,
  scene: FaultScene,
  places: readonly string[],
): Problem[] {
  const at = (index: number): string => places[index] ?? `fault ${index}`;
  const problems: Problem[] = [];
  // Faults that are sound by themselves are held against the graph and each other.
  const sound: { readonly fault: Fault; readonly place: string }[] = [];
  for (const [index, fault] of faults.entries()) {
    const single = [
      ...peerProblems(fault, scene),
      ...numberProblems(fault),
      ...spanProblems(fault, scene.runMs),
    ];
    for (const { path, ...problem } of single)
      problems.push({ path: path === '' ? at(index) : `${at(index)}.${path}`, ...problem });
    if (single.length > 0) continue;
    if (isLinkFault(fault) && partsNobody(fault, scene)) problems.push(noSuchArc(fault, at(index), scene));
    sound.push({ fault, place: at(index) });
  }
  const between = contradictions(
    sound.map(({ fault }) => fault),
    scene.names,
    sound.map(({ place }) => place),
  );
  return [...problems, ...between];
}

function peerProblems(fault: Fault, { names }: FaultScene): Problem[] {
  const unknown = (path: string, peers: readonly number[]): Problem[] =>
    peers
      .filter((peer) => !Number.isInteger(peer) || peer < 0 || peer >= names.length)
      .map((peer) => ({
        path,
        message: `there is no peer ${peer}`,
        suggestion: `the ${names.length} peers are 0 to ${names.length - 1}`,
      }));
  if ('peer' in fault) return unknown('peer', [fault.peer]);
  if (fault.kind === 'availability') return unknown('peers', fault.peers);
  return [...unknown('from', fault.from ?? []), ...unknown('to', fault.to ?? [])];
}

/** The share that stays in [0, 1] whatever the state: λ ≥ −π/(1 − π) and λ ≥ −(1 − π)/π. */
function numberProblems(fault: Fault): Problem[] {
  const problems: Problem[] = [];
  const want = (
    path: string,
    value: number | undefined,
    ok: boolean,
    wanted: string,
    advice?: string,
  ): void => {
    if (value === undefined || (Number.isFinite(value) && ok)) return;
    const suggestion = advice === undefined ? {} : { suggestion: advice };
    problems.push({ path, message: `got ${value}, wanted ${wanted}`, ...suggestion });
  };
  const share = (path: string, value: number): void =>
    want(path, value, value >= 0 && value <= 1, 'a number from 0 to 1');
  switch (fault.kind) {
    case 'loss':
    case 'duplicate':
    case 'corrupt':
      share('probability', fault.probability);
      break;
    case 'reorder':
      share('probability', fault.probability);
      want('by', fault.byMs, fault.byMs > 0, 'a time above 0');
      break;
    case 'delay':
      want('extra', fault.extraMs, fault.extraMs >= 0, 'a time from 0');
      want('jitter', fault.jitterMs, (fault.jitterMs ?? 0) >= 0, 'a time from 0');
      break;
    case 'bandwidth':
      want(
        'factor',
        fault.factor,
        fault.factor > 0,
        'a factor above 0',
        'to stop everything use a partition',
      );
      break;
    case 'slow':
      want('factor', fault.factor, fault.factor >= 1, 'a factor from 1');
      break;
    case 'clock':
      want('offset', fault.offsetMs, true, 'a time');
      want('rate', fault.rate, (fault.rate ?? 1) > 0, 'a rate above 0', 'a clock that stands is a pause');
      break;
    case 'availability': {
      const { share: on, memory, correlation, slotMs } = fault;
      want('share', on, on > 0 && on <= 1, 'a number above 0, to 1', 'with share 0 nobody is ever on');
      share('correlation', correlation);
      want('slot', slotMs, slotMs > 0, 'a time above 0');
      const least = on >= 1 ? 0 : -Math.min(on / (1 - on), (1 - on) / on);
      want('memory', memory, memory >= least && memory < 1, `a number from ${least.toFixed(3)} to below 1`);
      break;
    }
  }
  return problems;
}

/** Both sides are named, and no arc leads from one to the other. */
function partsNobody(fault: LinkFault, { arcs }: FaultScene): boolean {
  const { from, to } = fault as ArcSelection;
  if (from === undefined && to === undefined) return false;
  const [isFrom, isTo] = [among(from), among(to)];
  const bothWays = fault.kind === 'partition';
  return !arcs.some(([a, b]) => (isFrom(a) && isTo(b)) || (bothWays && isFrom(b) && isTo(a)));
}

const NAMED_MAX = 3;

function noSuchArc({ from, to }: ArcSelection, path: string, { names, arcs }: FaultScene): Problem {
  const listed = (peers: readonly number[] | undefined): string => {
    if (peers === undefined) return 'anybody';
    const more = peers.length > NAMED_MAX ? ` and ${peers.length - NAMED_MAX} more` : '';
    return `${peers
      .slice(0, NAMED_MAX)
      .map((peer) => names[peer] ?? peer)
      .join(', ')}${more}`;
  };
  const isFrom = among(from);
  const heard = [...new Set(arcs.filter(([a]) => isFrom(a)).map(([, b]) => b))];
  return {
    path,
    message: `no arc of the graph leads from ${listed(from)} to ${listed(to)}`,
    suggestion: heard.length === 0 ? 'name others' : `arcs lead from there to ${listed(heard)}`,
  };
}
