/** A running silo's look at its membership file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { watchMembership } from '../../src/cli/membership-watch.ts';
import type { Silo } from '../../src/experiment/index.ts';
import {
  identityOfSeed,
  MEMBERSHIP_FORMAT,
  type Member,
  type Membership,
  signMembership,
} from '../../src/identity/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-watch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const operator = identityOfSeed(new Uint8Array(32).fill(9));
const edition = (sequence: number, revoked: boolean): Membership => {
  const members = ['north', 'south'].map((name, index): Member => {
    const { peerId } = identityOfSeed(new Uint8Array(32).fill(index + 1));
    const member = { name, peerId, addresses: [`/ip4/10.0.0.${index}/tcp/4001`] };
    return revoked && index === 1 ? { ...member, revoked } : member;
  });
  return signMembership({ format: MEMBERSHIP_FORMAT, experiment: 'e', sequence, members }, operator);
};

test('an edition whose number cannot be written down is told once, and in force as soon as it can', async () => {
  const members = join(folder, 'members.json');
  const runFolder = join(folder, 'run');
  writeFileSync(members, JSON.stringify(edition(2, true)));
  writeFileSync(runFolder, 'a file where the folder is to be');
  const silo = { members, runFolder, operator: operator.peerId } as Silo;
  const refused: string[] = [];
  const shutOut = await new Promise<readonly number[]>((resolve) => {
    const watch = watchMembership(silo, edition(1, false), realClock, {
      changed: (change) => {
        watch.close();
        resolve(change.shutOut);
      },
      refused: (reason) => {
        refused.push(reason);
        rmSync(runFolder);
      },
    });
  });
  expect(shutOut).toEqual([1]);
  expect(refused).toHaveLength(1);
});
