/** `grapevine design`: an overlay for a network and a workload, or all kinds compared. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { ComparedDesign, Comparison, LabelShares, SkippedDesign } from '../topology/index.ts';
import type { DesignBound } from './design-text.ts';
import { writeTextFile } from './files.ts';
import type { Host } from './host.ts';
import {
  addNetworkOptions,
  NETWORK_HELP,
  type Network,
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
  grapevine design --underlay gaia --workload inaturalist --overlay ring
  grapevine design --underlay geant --workload femnist --access 100M --lengths true --overlay all
  grapevine design --underlay ebone --overlay ring --out ring.yaml      an overlay file for topology: {file: ring.yaml}
  grapevine design --underlay ebone --overlay best --picture ebone.svg   underlay, overlay and critical cycle on a map
  grapevine design --underlay sites.csv --workload custom --model-bits 8e6 --compute-ms 30 --overlay mst
  grapevine design --underlay gaia --overlay random-regular --options '{degree: 3}' --json | jq '.designs[0]'
${NETWORK_HELP}`;

interface DesignOptions extends NetworkOptions {
  readonly overlay: string;
  readonly options?: string;
  readonly labelShares?: string;
  readonly seed: string;
  readonly timeLimit: string;
  readonly picture?: string;
}

export function declareDesign(program: Command, host: Host): void {
  addNetworkOptions(
    program.command('design').description('design an overlay for a network, or compare all kinds'),
  )
    .requiredOption('--overlay <kind|all>', 'the kind; grapevine design --overlay help lists them')
    .option('--options <yaml>', "the kind's own options, such as '{degree: 4}'")
    .option(
      '--label-shares <file>',
      'JSON or YAML: for each silo the share of each class (d-cliques, stl-fw)',
    )
    .option('--seed <n>', 'of whatever is random', '1')
    .option('--time-limit <s>', 'seconds for everything; the best so far is given', '60')
    .option('--picture <file.svg>', 'draw it on a map; with --overlay all, a folder of maps')
    .addHelpText('after', EXAMPLES)
    .action(host.run<DesignOptions>(design));
}

async function design(
  session: Session,
  _operands: readonly string[],
  options: DesignOptions,
): Promise<undefined> {
  if (options.overlay === 'help') return listKinds(session);
  const { designers, findDesigner } = await import('../topology/index.ts');
  const chosen = options.overlay === 'all' ? designers : [findDesigner(options.overlay)];
  if (options.overlay === 'all' && options.options !== undefined) {
    throw new InputError(
      'usage',
      '--options is for one kind; with --overlay all each kind has its usual ones',
    );
  }
  const network = await openNetwork(options);
  if (options.picture !== undefined) await requirePlaces(network);
  const comparison = await compared(session, network, chosen, options);
  const bound = comparison.lowerBoundMs;
  await save(session, options, network, comparison.designs);
  await drawAll(session, options, network, comparison);
  const { designDocument } = await import('./design-text.ts');
  const { underlay, workload, lengths, lengthsReplaced } = network;
  const document = {
    underlay: underlay.name,
    workload,
    lengths,
    ...(lengthsReplaced > 0 ? { lengthsReplaced } : {}),
    silos: network.graph.names,
    designs: comparison.designs.map((item) => designDocument(item, bound)),
    skipped: comparison.skipped,
  };
  session.answer(document, await describe(session, network, comparison, bound));
}

async function compared(
  session: Session,
  network: Network,
  chosen: readonly Parameters<typeof import('../topology/index.ts').designOne>[1][],
  options: DesignOptions,
): Promise<Comparison> {
  const { boundOf, compareDesigns, designOne } = await import('../topology/index.ts');
  const { parseYaml } = await import('../base/document.ts');
  const labelShares = await readLabelShares(options.labelShares);
  const progress = session.progress();
  const run = {
    seed: Math.trunc(numberOf('--seed', options.seed)),
    limitMs: timeLimitMs(options.timeLimit),
    now: () => session.io.clock.now(),
    progress: (line: string) => progress.update(line),
  };
  const problem = { graph: network.graph, ...(labelShares === undefined ? {} : { labelShares }) };
  try {
    if (options.overlay === 'all') return compareDesigns(problem, chosen, run);
    const own = options.options === undefined ? {} : parseYaml(options.options, '--options');
    const endMs = run.now() + run.limitMs;
    const designs = [designOne(problem, chosen[0]!, own, run)];
    progress.update('lower bound');
    return { designs, skipped: [], ...boundOf(network.graph, designs, run.now, endMs) };
  } finally {
    progress.done();
  }
}

async function readLabelShares(path: string | undefined): Promise<LabelShares | undefined> {
  if (path === undefined) return undefined;
  const { checkAgainst, parseYaml, readDocumentFile } = await import('../base/document.ts');
  const { ProblemsError } = await import('../base/errors.ts');
  const { labelSharesSchema } = await import('../topology/index.ts');
  const checked = checkAgainst(
    labelSharesSchema,
    parseYaml(readDocumentFile(path, 'the label shares'), path),
  );
  if (!checked.ok) throw new ProblemsError(path, checked.problems);
  return checked.value;
}

/** One design into the file that --out names, several into a folder of that name. */
async function save(
  session: Session,
  options: DesignOptions,
  network: Network,
  designs: readonly ComparedDesign[],
): Promise<void> {
  const { out } = session.options;
  if (out === undefined) return;
  const { overlayText } = await import('../topology/index.ts');
  for (const {
    name,
    design: { overlay, timing, notes },
    judgement,
  } of designs) {
    const path = options.overlay === 'all' ? join(out, `${name}.yaml`) : out;
    const cycle = `cycle time ${judgement.cycleTimeMs.toFixed(3)} ms (${judgement.timing})`;
    const lines = [networkLine(network), cycle, ...notes];
    await writeTextFile(path, overlayText({ ...overlay, timing }, lines));
    session.say(`written: ${path}`);
  }
}

/** One map into the file that --picture names, several into a folder of that name. */
async function drawAll(
  session: Session,
  { picture, overlay: kind }: DesignOptions,
  network: Network,
  { designs, lowerBoundMs }: Comparison,
): Promise<void> {
  if (picture === undefined) return;
  const { boundText } = await import('./design-text.ts');
  for (const {
    name,
    design: { overlay },
    judgement,
  } of designs) {
    const path = kind === 'all' ? join(picture, `${name}.svg`) : picture;
    const bound = boundText(judgement, lowerBoundMs, overlay.schedule === undefined);
    await writePicture(path, network, { overlay, judgement, bound });
    session.say(`drawn: ${path}`);
  }
}

async function describe(
  session: Session,
  network: Network,
  comparison: Comparison,
  bound: DesignBound,
): Promise<string> {
  const { comparisonTable, designText } = await import('./design-text.ts');
  const { designs, skipped } = comparison;
  const head = networkLine(network);
  const [only] = designs;
  const body =
    designs.length === 1 && skipped.length === 0 && only !== undefined
      ? designText(only, bound, network.graph)
      : comparisonTable(designs, bound, session.style);
  return [
    head,
    ...network.underlay.notes.map((note) => `  ${note}`),
    '',
    body,
    ...skipped.map(skippedLine),
  ].join('\n');
}

function skippedLine({ name, reason }: SkippedDesign): string {
  return `skipped ${name}: ${reason}`;
}

async function listKinds(session: Session): Promise<undefined> {
  const { designers } = await import('../topology/index.ts');
  const width = Math.max(...designers.map(({ name }) => name.length));
  const lines = designers.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  const kinds = designers.map(({ name, summary, silosMax }) => ({ name, summary, silosMax }));
  session.answer({ kinds }, ['Kinds of overlays:', ...lines].join('\n'));
}
