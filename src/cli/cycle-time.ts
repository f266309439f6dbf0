/** `grapevine cycle-time`: judge a given overlay on a network. */
import { type Command, Option } from 'commander';
import { InputError } from '../base/errors.ts';
import type { Overlay, Timing } from '../topology/index.ts';
import type { Host } from './host.ts';
import {
  addNetworkOptions,
  NETWORK_HELP,
  type NetworkOptions,
  networkLine,
  numberOf,
  openNetwork,
  timeLimitMs,
} from './network-options.ts';
import { requirePlaces, writePicture } from './picture.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine cycle-time --underlay gaia --workload inaturalist --overlay ring.yaml
  grapevine cycle-time --underlay geant --lengths true --access 100M --local-steps 5 --overlay mst.yaml --json
  grapevine cycle-time --underlay gaia --overlay star.yaml --rule gossip

An overlay whose edges all meet in one silo is judged by the STAR rule, as a server and its clients, unless --rule gossip says
that its silos exchange as peers. A schedule is judged by the max-plus eigenvalue of its period. What the file says under
timing (random rounds, stale arcs, a star) holds, unless --rule gossip says that silos just follow its arcs and schedule.
Nodes are matched with the network's silos by name; those without names (nodes: 11) go by position.
${NETWORK_HELP}`;

interface CycleTimeOptions extends NetworkOptions {
  readonly overlay: string;
  readonly rule: 'auto' | 'gossip' | 'star';
  readonly seed: string;
  readonly timeLimit: string;
  readonly picture?: string;
}

export function declareCycleTime(program: Command, host: Host): void {
  addNetworkOptions(program.command('cycle-time').description('judge a given overlay on a network'))
    .requiredOption('--overlay <file>', 'an overlay file')
    .addOption(
      new Option('--rule <rule>', 'how a round goes').choices(['auto', 'gossip', 'star']).default('auto'),
    )
    .option('--seed <n>', 'of rounds that are random', '1')
    .option(
      '--time-limit <s>',
      'seconds, for judging and then for the lower bound, which ends sooner where it can',
      '60',
    )
    .option('--picture <file.svg>', 'draw it on a map, with its critical cycle')
    .addHelpText('after', EXAMPLES)
    .action(host.run<CycleTimeOptions>(cycleTime));
}

async function cycleTime(
  session: Session,
  _operands: readonly string[],
  options: CycleTimeOptions,
): Promise<undefined> {
  const { boundOf, judge, matchedSilos, overlayBytesMax, parseOverlay, requireConnected } = await import(
    '../topology/index.ts'
  );
  const { readDocumentFile } = await import('../base/document.ts');
  const { boundText, judgementDocument, judgementLines } = await import('./design-text.ts');
  const file = options.overlay;
  const given = parseOverlay(readDocumentFile(file, 'the overlay', overlayBytesMax), file);
  const seed = Math.trunc(numberOf('--seed', options.seed));
  const network = await openNetwork(options);
  requireConnected(given);
  const match = { file, network: network.underlay.name, silos: network.graph.names };
  const { overlay, by } = matchedSilos(given, match);
  if (options.picture !== undefined) await requirePlaces(network);
  const timing = timingOf(overlay, options.rule);
  const now = () => session.io.clock.now();
  const endMs = now() + timeLimitMs(options.timeLimit);
  const judgement = judge(network.graph, overlay, timing, { seed, expired: () => now() >= endMs });
  const judged = { name: overlay.name, design: { overlay, timing, notes: [] }, judgement };
  const { lowerBoundMs } = boundOf(network.graph, [judged], now, endMs);
  const isStatic = overlay.schedule === undefined;
  if (options.picture !== undefined) {
    const bound = boundText(judgement, lowerBoundMs, isStatic);
    await writePicture(options.picture, network, { overlay, judgement, bound });
    session.say(`drawn: ${options.picture}`);
  }
  const document = {
    underlay: network.underlay.name,
    workload: network.workload,
    lengths: network.lengths,
    ...(network.lengthsReplaced > 0 ? { lengthsReplaced: network.lengthsReplaced } : {}),
    silos: network.graph.names,
    overlay: overlay.name,
    nodesBy: by,
    ...judgementDocument(judgement, lowerBoundMs, isStatic),
  };
  const notes = [
    ...ruleNotes(overlay, timing),
    ...(by === 'position' ? ['nodes without names: node k is silo k of the network'] : []),
  ];
  const lines = judgementLines(judgement, lowerBoundMs, isStatic, network.graph);
  session.answer(
    document,
    [networkLine(network), '', `overlay ${overlay.name}`, ...lines, ...notes].join('\n'),
  );
}

/** As the file says; where it says nothing, or `--rule star` asks for it, a star is found by its arcs. */
function timingOf(overlay: Overlay, rule: CycleTimeOptions['rule']): Timing {
  if (rule === 'gossip') return { kind: 'gossip' };
  if (rule === 'auto' && overlay.timing !== undefined) return overlay.timing;
  const hub = overlay.timing?.kind === 'star' ? overlay.timing.hub : hubOf(overlay);
  if (rule === 'star' && hub === undefined) {
    throw new InputError(
      'usage',
      `--rule star wants all edges of ${overlay.name} to meet in one silo, and they do not`,
    );
  }
  return hub === undefined ? { kind: 'gossip' } : { kind: 'star', hub };
}

function ruleNotes({ timing: stated, schedule }: Overlay, timing: Timing): string[] {
  switch (timing.kind) {
    case 'star':
      return ['judged by the STAR rule (a server and its clients)'];
    case 'random':
      return [`rounds drawn anew${timing.barrier ? ', each as long as its slowest arc' : ''}`];
    case 'pipelined':
      return ['stale arcs count over the rounds that their models take; --rule gossip: over one'];
    case 'gossip':
      if (stated === undefined || stated.kind === 'gossip') return [];
      return [`judged as peers, over ${schedule === undefined ? 'all its arcs' : 'its schedule'}`];
  }
}

/** The silo where every edge of a star of three or more silos ends. */
function hubOf({ nodes, arcs, schedule }: Overlay): number | undefined {
  const count = nodes.length;
  if (schedule !== undefined || count < 3 || arcs.length !== 2 * (count - 1)) return undefined;
  const first =
    arcs.filter(([from]) => from === arcs[0]![0]).length === count - 1 ? arcs[0]![0] : arcs[0]![1];
  return arcs.every(([from, to]) => from === first || to === first) ? first : undefined;
}
