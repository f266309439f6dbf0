/** The command line as a whole: global options, the commands, and how failures leave. Commands load their work when they run. */
import { Command, CommanderError, Option } from 'commander';
import { declareCheck } from './check.ts';
import { declareCycleTime } from './cycle-time.ts';
import { declareDesign } from './design.ts';
import { declareEvaluate } from './evaluate.ts';
import { exitCodes, failureOf, formatFailure } from './exit-codes.ts';
import { declareExport } from './export.ts';
import { type Declare, Host } from './host.ts';
import { declareIdentity } from './identity.ts';
import type { CliIo } from './io.ts';
import { declareMembership } from './membership.ts';
import { declarePeer } from './peer.ts';
import { declareReplay } from './replay.ts';
import { declareReport } from './report.ts';
import { declareSimulate } from './simulate.ts';
import { declareSwarm } from './swarm.ts';
import { declareSweep } from './sweep.ts';
import { grapevineVersion } from './version.ts';

/** In the order of the help text. */
const commands: readonly Declare[] = [
  declareSwarm,
  declareSimulate,
  declarePeer,
  declareCheck,
  declareSweep,
  declareDesign,
  declareCycleTime,
  declareReport,
  declareReplay,
  declareEvaluate,
  declareExport,
  declareIdentity,
  declareMembership,
];

const EXIT_CODES_HELP = `
Exit codes: ${exitCodes.fine} fine, ${exitCodes.badInput} bad input, ${exitCodes.operatingFault} operating fault (disk, port, process, network),
            ${exitCodes.goalMissed} ended without reaching its goal, ${exitCodes.bug} a bug in Grapevine.`;

/** Runs one command line (without `node` and the script) and resolves with its exit code; never rejects. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const host = new Host(io);
  try {
    await programOf(host, io).parseAsync([...argv], { from: 'user' });
    return host.exitCode;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined) return exitCodes.fine;
    // Commander has told people about its own errors already.
    if (!(error instanceof CommanderError)) io.stderr.write(formatFailure(failure));
    if (argv.includes('--json')) io.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
    return failure.exitCode;
  }
}

function programOf(host: Host, io: CliIo): Command {
  const program = new Command('grapevine')
    .description('Silos train one model together over libp2p, without sharing data and without a server.')
    .version(grapevineVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addOption(new Option('--json', "one machine-readable document on stdout; people's text goes to stderr"))
    .addOption(
      new Option('--set <path=value>', 'override one setting of the file; repeatable').argParser(
        (value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value],
      ),
    )
    .addOption(new Option('--out <dir>', 'directory for what the command writes'))
    .addOption(new Option('--quiet', 'no progress'))
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .showHelpAfterError('(grapevine --help lists commands and options)')
    .addHelpText('after', EXIT_CODES_HELP);
  for (const declare of commands) declare(program, host);
  return program;
}
