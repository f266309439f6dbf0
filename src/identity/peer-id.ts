/**
 * A public key's peer id, computed without libp2p: base58btc of the identity multihash of the protobuf
 * {Type: Ed25519, Data: key} (libp2p peer-ids specification). It embeds the key, so that either gives the other.
 */
import { base58btc } from 'multiformats/bases/base58';
import { assert } from '../base/assert.ts';

export const KEY_BYTES = 32;

/** Identity multihash (0x00) of 36 bytes; field 1 varint KeyType Ed25519 = 1; field 2 of 32 bytes. */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/** `12D3KooW…` of a raw Ed25519 public key of 32 bytes. */
export function peerIdOf(publicKey: Uint8Array): string {
  assert(publicKey.length === KEY_BYTES, `a public key of ${publicKey.length} bytes`);
  const bytes = new Uint8Array(PREFIX.length + KEY_BYTES);
  bytes.set(PREFIX);
  bytes.set(publicKey, PREFIX.length);
  return base58btc.baseEncode(bytes);
}

/** The public key inside a peer id; undefined where `text` is not the peer id of an Ed25519 key. */
export function publicKeyOf(text: string): Uint8Array | undefined {
  if (text.length > 64) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = base58btc.baseDecode(text);
  } catch {
    return undefined;
  }
  if (bytes.length !== PREFIX.length + KEY_BYTES) return undefined;
  if (!PREFIX.every((byte, index) => bytes[index] === byte)) return undefined;
  return bytes.slice(PREFIX.length);
}
