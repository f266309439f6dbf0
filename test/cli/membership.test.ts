import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIdentity, newIdentity, parseMembership } from '../../src/identity/index.ts';
import { run } from './run.ts';

let folder: string;
let file: string;
let key: string;
let operator: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-cli-'));
  file = join(folder, 'members.yaml');
  key = join(folder, 'operator.pem');
  operator = (await createIdentity(key)).peerId;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const silos = [newIdentity(), newIdentity()].map(({ peerId }) => peerId);
const members = [
  '--member',
  `a=${silos[0]}@/ip4/10.0.0.5/tcp/4001,/dns4/a/tcp/4001`,
  '--member',
  `b=${silos[1]}`,
];
const create = () => run('membership', 'create', file, '--experiment', 'penguins', ...members);
const sign = (...more: string[]) => run('membership', 'sign', file, '--key', key, ...more);
const check = (...more: string[]) => run('membership', 'check', file, ...more);

describe('grapevine membership', () => {
  it('creates, signs and checks a file that names each member, its index and its addresses', async () => {
    expect((await create()).exitCode).toBe(0);
    expect(await check()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is not signed') });
    expect((await sign()).stdout).toContain(`silos pin this operator in their silo file: ${operator}`);
    const checked = await check('--operator', operator, '--experiment', 'penguins');
    expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(checked.stdout).toContain(`0  a  ${silos[0]}  /ip4/10.0.0.5/tcp/4001 /dns4/a/tcp/4001`);
    expect(checked.stdout).toContain(`1  b  ${silos[1]}  (dials out only)`);
    const membership = parseMembership(await readFile(file, 'utf8'), file);
    expect(membership).toMatchObject({ sequence: 1, issuedAt: '2026-01-02T03:04:05.000Z', operator });
  });

  it('warns when the operator is taken on trust, and refuses another one', async () => {
    await create();
    await sign();
    expect((await check()).stderr).toContain('warning: the operator');
    expect(await check('--operator', silos[0] ?? '')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`wanted ${silos[0]}`),
    });
  });

  it('refuses an edited file until it is signed again as the next edition', async () => {
    await create();
    await sign();
    await writeFile(file, (await readFile(file, 'utf8')).replace('4001', '4002'));
    expect((await check()).stderr).toContain('changed after it was signed');
    expect((await sign()).stdout).toContain('edition 2');
    expect((await sign()).stdout).toContain('edition 2');
    expect((await sign('--sequence', '7')).stdout).toContain('edition 7');
    expect((await check()).exitCode).toBe(0);
    expect((await sign('--sequence', '0')).exitCode).toBe(2);
  });

  it('writes JSON where the file says so, and never over an existing file', async () => {
    file = join(folder, 'members.json');
    await create();
    await sign();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ experiment: 'penguins', operator });
    expect(await create()).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('is there already'),
    });
    expect((await check()).exitCode).toBe(0);
  });

  it('writes nothing when a member is malformed or named twice', async () => {
    const attempts = [
      ['--member', 'a'],
      ['--member', 'a=12D3nope'],
      ['--member', `a=${silos[0]}`, '--member', `b=${silos[0]}`],
    ];
    for (const more of attempts) {
      expect((await run('membership', 'create', file, '--experiment', 'x', ...more)).exitCode).toBe(2);
    }
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
