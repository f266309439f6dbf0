/** `grapevine check FILE`: is this experiment or silo file right, and what does it come to? */
import type { Command } from 'commander';
import type { Host } from './host.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine check topologies/mnist-eleven-silos.yaml
  grapevine check --set topology.kind=ring --set data.silos=8 topologies/mnist-eleven-silos.yaml
  grapevine check silo.yaml
  grapevine check --json experiment.yaml | jq .graph.spectralGap

Reports every problem of the file at once. An experiment is printed resolved (every default filled in), with facts of
its graph, which exchange rules fit it (also where the chosen one cannot run), and what each silo gets. A silo file is checked together with its key, membership, experiment and data.`;

/** Keys that a silo file has and an experiment has not. */
const SILO_KEYS = ['key', 'members', 'operator', 'runFolder', 'experiment', 'listen'];

export function declareCheck(program: Command, host: Host): void {
  program
    .command('check')
    .description('validate an experiment or a silo file and print what it comes to')
    .argument('<file>', 'the YAML file')
    .addHelpText('after', EXAMPLES)
    .action(host.run(check));
}

async function check(session: Session, [path = '']: readonly string[]): Promise<undefined> {
  const { parseYaml, readDocumentFile } = await import('../base/document.ts');
  const content = parseYaml(readDocumentFile(path, 'the file to check'), path);
  const keys = typeof content === 'object' && content !== null ? Object.keys(content) : [];
  if (keys.some((key) => SILO_KEYS.includes(key))) {
    const { checkSilo } = await import('./check-silo.ts');
    return checkSilo(session, path);
  }
  const { checkExperiment } = await import('./check-experiment.ts');
  return checkExperiment(session, path);
}
