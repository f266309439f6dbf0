/**
 * A silo's or an operator's Ed25519 key on disk: PKCS#8 PEM (RFC 8410), readable by its owner only.
 * Who holds the file is the peer: it is never sent, never logged and never overwritten.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { assert, present } from '../base/assert.ts';
import { InputError, OperatingError } from '../base/errors.ts';
import { KEY_BYTES, peerIdOf } from './peer-id.ts';

export interface Identity {
  /** The private key's 32 bytes (RFC 8032 seed). */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly peerId: string;
}

/** DER of a PKCS#8 Ed25519 private key and of its public key, up to the 32 bytes of the key itself. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The identity of a known seed: what tests and local swarms use; throws nothing for 32 bytes. */
export function identityOfSeed(seed: Uint8Array): Identity {
  return identityOfKey(privateKeyOf(seed));
}

/** A new key, kept in memory only. */
export function newIdentity(): Identity {
  return identityOfKey(generateKeyPairSync('ed25519').privateKey);
}

/**
 * Makes a new key and writes it with mode 600, whole or not at all; parent folders are made.
 * Throws InputError `identity-exists`, OperatingError `identity-write-failed`.
 */
export async function createIdentity(path: string): Promise<Identity> {
  const identity = newIdentity();
  await writeIdentity(path, identity);
  return identity;
}

/** Writes a given identity as createIdentity does; same errors. */
export async function writeIdentity(path: string, identity: Identity): Promise<void> {
  const pem = privateKeyOf(identity.seed).export({ type: 'pkcs8', format: 'pem' });
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(pem);
      await file.sync();
      // A link, unlike a rename, fails where something is already there.
      await link(draft, path);
    } finally {
      await file.close();
      await rm(draft, { force: true });
    }
  } catch (cause) {
    throw writeError(path, cause as NodeJS.ErrnoException);
  }
}

/**
 * Reads a key made by createIdentity (or by `openssl genpkey -algorithm ed25519`).
 * Throws InputError `identity-missing`, `identity-exposed` (others can read it), `identity-invalid`; OperatingError `identity-read-failed`.
 */
export async function loadIdentity(path: string): Promise<Identity> {
  const pem = await readPem(path);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw invalid(path, 'got something else', cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw invalid(path, `got a ${key.asymmetricKeyType} key`);
  return identityOfKey(key);
}

/** Ed25519 signature (64 bytes) over `bytes`. */
export function sign(identity: Identity, bytes: Uint8Array): Uint8Array {
  return signBytes(null, bytes, privateKeyOf(identity.seed));
}

/** Whether `signature` is the key's over exactly these bytes; false for anything malformed. */
export function verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== 64) return false;
  const der = Buffer.concat([SPKI_PREFIX, publicKey]);
  return verifyBytes(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}

async function readPem(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new InputError(
        'identity-exposed',
        `${path} has mode ${(mode & 0o777).toString(8)}: other users can use this key; run: chmod 600 ${path} (and make a new key if somebody may have read it)`,
        { path, mode: mode & 0o777 },
      );
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new InputError(
        'identity-missing',
        `there is no key at ${path}; make one with: grapevine identity create ${path}`,
        { path },
        { cause },
      );
    }
    throw new OperatingError(
      'identity-read-failed',
      `cannot read the key ${path}: ${(cause as Error).message}`,
      { path },
      { cause },
    );
  }
}

function writeError(path: string, cause: NodeJS.ErrnoException): InputError | OperatingError {
  if (cause.code === 'EEXIST' && cause.syscall === 'link') {
    return new InputError(
      'identity-exists',
      `${path} is there already and a key is never overwritten; choose another path, or move the old key away if nobody knows its peer id any more`,
      { path },
      { cause },
    );
  }
  return new OperatingError(
    'identity-write-failed',
    `cannot write the key ${path}: ${cause.message}; is the folder writable?`,
    { path },
    { cause },
  );
}

function invalid(path: string, got: string, cause?: unknown): InputError {
  return new InputError(
    'identity-invalid',
    `${path}: ${got}, wanted an Ed25519 private key as PKCS#8 PEM; make one with: grapevine identity create`,
    { path },
    { cause },
  );
}

function identityOfKey(key: KeyObject): Identity {
  const { d, x } = key.export({ format: 'jwk' });
  const seed = new Uint8Array(Buffer.from(present(d, 'private part of the key'), 'base64url'));
  const publicKey = new Uint8Array(Buffer.from(present(x, 'public part of the key'), 'base64url'));
  return { seed, publicKey, peerId: peerIdOf(publicKey) };
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  assert(seed.length === KEY_BYTES, `a seed of ${seed.length} bytes`);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}
