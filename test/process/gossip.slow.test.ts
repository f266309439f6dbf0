import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, digests, isBuilt } from './swarm-run.ts';

describe.skipIf(!isBuilt)('models through gossip (skipped where dist/ is not built)', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open();
  });

  afterEach(() => bench.clean());

  it.each([
    ['the complete graph of 4', ['topology=complete', 'data.silos=4']],
    ['a directed exponential graph of 6', ['topology=exponential', 'data.silos=6']],
    ['a star of 5', ['topology=star']],
  ])('give the same params to the bit as streams on %s', async (_, overrides) => {
    const settings = overrides.flatMap((override) => ['--set', override]);
    const stream = bench.start('stream', ...settings);
    expect(await stream.exited, stream.stderr).toBe(0);
    const gossip = bench.start('gossip', ...settings, '--set', 'exchange.carrier=gossip');
    expect(await gossip.exited, gossip.stderr).toBe(0);
    expect(digests(gossip.summary())).toEqual(digests(stream.summary()));
    expect(gossip.summary().peers.map(({ exclusions }) => exclusions)).toEqual(
      stream.summary().peers.map(() => 0),
    );
  });
});
