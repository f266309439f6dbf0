#!/usr/bin/env node
/** The command line's door. */
import './base/runtime.ts';
import { processIo } from './cli/process-io.ts';
import { runCli } from './cli/program.ts';

process.exitCode = await runCli(process.argv.slice(2), processIo(process));
// Nothing a command left behind (a worker, a socket) may keep the process: leave once what was said is out.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
