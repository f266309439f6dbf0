/** Runs a command line inside the test's process and keeps what it wrote; simulations with every invariant on. */
import type { Clock } from '../../src/base/clock.ts';
import { runCli } from '../../src/cli/program.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A clock that stands still. */
const stillClock: Clock = {
  now: () => 0,
  calendar: () => '2026-01-02T03:04:05.000Z',
  after: () => ({ cancel: () => undefined }),
};

export async function run(...argv: string[]): Promise<Outcome> {
  return runWith({}, ...argv);
}

export async function runWith(
  { env = {}, isTTY = false }: { env?: Record<string, string>; isTTY?: boolean },
  ...argv: string[]
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    isTTY,
    columns: 100,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const given = argv[0] === 'simulate' ? [...argv, '--check-invariants'] : argv;
  const exitCode = await runCli(given, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env,
    clock: stillClock,
    interruption: () => new AbortController().signal,
  });
  return { exitCode, ...written };
}
