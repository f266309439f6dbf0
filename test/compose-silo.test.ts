import { describe, expect, it } from 'vitest';
import { neighboursToDial } from '../src/compose-silo.ts';
import { type Membership, newIdentity } from '../src/identity/index.ts';
import { buildOverlay } from '../src/topology/index.ts';

const overlay = buildOverlay({ kind: 'complete' }, 3, 1);
const listen = ['/ip4/0.0.0.0/tcp/4101'];

/** Members 0, 1, 2; those named have an address. */
function membership(...listed: number[]): Membership {
  const members = [0, 1, 2].map((peer) => ({
    name: `silo-${peer}`,
    peerId: newIdentity().peerId,
    ...(listed.includes(peer) ? { addresses: ['/ip4/10.0.0.1/tcp/4101'] } : {}),
  }));
  return { format: 'grapevine-membership/1', experiment: 'e', sequence: 1, members };
}

describe('who dials', () => {
  it('is one end of each link, whatever the peer ids', () => {
    const { members } = membership(0, 1, 2);
    const dials = [0, 1, 2].map((self) =>
      neighboursToDial({ overlay }, { ...membership(), members }, self, listen),
    );
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      expect(Number(dials[a]?.includes(b)) + Number(dials[b]?.includes(a))).toBe(1);
    }
  });

  it('is the silo without an address, always', () => {
    const members = membership(0, 1);
    expect(neighboursToDial({ overlay }, members, 2, [])).toEqual([0, 1]);
    for (const self of [0, 1]) expect(neighboursToDial({ overlay }, members, self, listen)).not.toContain(2);
  });

  it('is nobody between two without an address: such a link is refused', () => {
    expect(() => neighboursToDial({ overlay }, membership(0), 1, [])).toThrow(
      expect.objectContaining({ code: 'silos-unreachable' }),
    );
  });

  it('is nobody towards a silo whose listed address it does not listen on', () => {
    expect(() => neighboursToDial({ overlay }, membership(0, 1, 2), 0, [])).toThrow(
      expect.objectContaining({ code: 'listen-missing' }),
    );
  });
});
