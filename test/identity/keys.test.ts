import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createIdentity,
  identityOfSeed,
  loadIdentity,
  newIdentity,
  peerIdOf,
  publicKeyOf,
  sign,
  verify,
} from '../../src/identity/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-identity-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('peer id', () => {
  it("is libp2p's for the same key", () => {
    const { seed, publicKey, peerId } = newIdentity();
    const theirs = peerIdFromPrivateKey(privateKeyFromRaw(Buffer.concat([seed, publicKey])));
    expect(peerId).toBe(theirs.toString());
    expect(peerId).toMatch(/^12D3KooW/);
  });

  it('gives the public key back, and nothing for any other text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), (key, text) => {
        expect(publicKeyOf(peerIdOf(key))).toEqual(key);
        expect(publicKeyOf(text)).toBeUndefined();
      }),
    );
    // RSA (identity multihash of SHA-256), a truncated id, and a letter base58 does not have.
    for (const text of [
      'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
      newIdentity().peerId.slice(0, -1),
      '12D3KooW0',
    ]) {
      expect(publicKeyOf(text)).toBeUndefined();
    }
  });
});

describe('identity on disk', () => {
  it('is a PKCS#8 PEM that only its owner can read, and loads as the same identity', async () => {
    const path = join(folder, 'new', 'silo.pem');
    const created = await createIdentity(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(await loadIdentity(path)).toEqual(created);
    expect(identityOfSeed(created.seed)).toEqual(created);
  });

  it('never overwrites a key and leaves nothing half-written', async () => {
    const path = join(folder, 'silo.pem');
    const { peerId } = await createIdentity(path);
    await expect(createIdentity(path)).rejects.toMatchObject({ code: 'identity-exists', category: 'input' });
    expect((await loadIdentity(path)).peerId).toBe(peerId);
    expect(await readdir(folder)).toEqual(['silo.pem']);
  });

  it('refuses a key that others can read and says how to mend it', async () => {
    const path = join(folder, 'silo.pem');
    await createIdentity(path);
    await chmod(path, 0o640);
    await expect(loadIdentity(path)).rejects.toMatchObject({
      code: 'identity-exposed',
      message: expect.stringContaining(`chmod 600 ${path}`),
    });
  });

  it('refuses a missing key, text that is no key, and a key of another kind', async () => {
    await expect(loadIdentity(join(folder, 'none'))).rejects.toMatchObject({ code: 'identity-missing' });
    const path = join(folder, 'bad.pem');
    await writeFile(path, 'hello', { mode: 0o600 });
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: 'identity-invalid' });
    const { generateKeyPairSync } = await import('node:crypto');
    const other = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(path, other);
    await expect(loadIdentity(path)).rejects.toMatchObject({
      code: 'identity-invalid',
      message: expect.stringContaining('got a x25519 key'),
    });
  });

  it('says so when the folder cannot be made', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expect(createIdentity(join(path, 'silo.pem'))).rejects.toMatchObject({
      code: 'identity-write-failed',
      category: 'operation',
    });
  });

  it('opens a key that openssl made', async ({ skip }) => {
    const path = join(folder, 'openssl.pem');
    try {
      execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path], { stdio: 'ignore' });
    } catch {
      skip('this machine has no openssl command');
    }
    await chmod(path, 0o600);
    expect((await loadIdentity(path)).peerId).toMatch(/^12D3KooW/);
  });
});

describe('signatures', () => {
  it('hold for exactly the signed bytes and the right key', () => {
    const identity = newIdentity();
    const bytes = Buffer.from('hello');
    const signature = sign(identity, bytes);
    expect(verify(identity.publicKey, bytes, signature)).toBe(true);
    expect(verify(identity.publicKey, Buffer.from('hellp'), signature)).toBe(false);
    expect(verify(newIdentity().publicKey, bytes, signature)).toBe(false);
    expect(verify(identity.publicKey, bytes, signature.slice(1))).toBe(false);
  });
});
