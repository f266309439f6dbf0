/** The command line of this process, from its arguments to its exit: what the door runs. */
import '../base/runtime.ts';
import { processIo } from './process-io.ts';
import { runCli } from './program.ts';

// No await here: a bundle is one CommonJS program.
void runCli(process.argv.slice(2), processIo(process)).then((exitCode) => {
  process.exitCode = exitCode;
  // Nothing a command left behind (a worker, a socket) may keep the process: leave once what was said is out.
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
});
