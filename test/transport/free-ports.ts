/** Ports of this machine that are given to tests by number. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that a system gives away by itself (Linux from 32,768 on). */
const FIRST = 10_000;
/** The two test files that run at one time draw from ranges of their own. */
const RANGE = 11_000;

/**
 * Ports that stay free until a test takes them, or on which nothing is to listen: no other test's port 0 or outgoing connection comes
 * upon one of them meanwhile.
 */
export async function freePorts(count: number): Promise<number[]> {
  const first = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % 2) * RANGE;
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(first, first + RANGE);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
}
