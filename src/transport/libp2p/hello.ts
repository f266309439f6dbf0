/**
 * The application handshake's messages: JSON, each behind its length as a little-endian u32, at most 4 KiB; and the
 * judgement of a greeting. Layout and order: docs/PROTOCOL.md. What cannot be read is a refusal, never a throw.
 */
import type { Refusal } from '../frame-reader.ts';
import type { Greeting, TransportRefusal } from '../transport.ts';

export const HELLO_PROTOCOL = '/grapevine/1/hello';
const HELLO_BYTES_MAX = 4096;

/** Newest last; the data plane speaks the newest that both ends list. */
export const PROTOCOL_VERSIONS: readonly number[] = [4];

export function dataProtocol(version: number): string {
  return `/grapevine/${version}/data`;
}

export interface GreetingMessage extends Greeting {
  readonly type: 'greeting';
  readonly versions: readonly number[];
  readonly index: number;
  readonly name: string;
  /** Random, new with every start: tells two processes with one identity apart. */
  readonly instance: string;
}

export type HelloMessage =
  | GreetingMessage
  | { readonly type: 'refused'; readonly reason: string; readonly detail: string }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' };

export function encodeHello(message: HelloMessage): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(4 + text.byteLength);
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, 4);
  return bytes;
}

/** Cuts a stream of bytes into hello messages; `undefined` from `push` means that the bytes make no sense. */
export class HelloReader {
  #pending = new Uint8Array(0);

  push(bytes: Uint8Array): HelloMessage[] | undefined {
    const joined = new Uint8Array(this.#pending.byteLength + bytes.byteLength);
    joined.set(this.#pending);
    joined.set(bytes, this.#pending.byteLength);
    this.#pending = joined;
    const messages: HelloMessage[] = [];
    while (this.#pending.byteLength >= 4) {
      const view = new DataView(this.#pending.buffer, this.#pending.byteOffset);
      const textBytes = view.getUint32(0, true);
      if (textBytes > HELLO_BYTES_MAX) return undefined;
      if (this.#pending.byteLength < 4 + textBytes) break;
      const message = parseHello(this.#pending.subarray(4, 4 + textBytes));
      if (message === undefined) return undefined;
      messages.push(message);
      this.#pending = this.#pending.subarray(4 + textBytes);
    }
    return messages;
  }
}

function parseHello(text: Uint8Array): HelloMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  if (fields.type === 'ping' || fields.type === 'pong') return { type: fields.type };
  if (fields.type === 'refused') {
    const { reason, detail } = fields;
    return isText(reason) && isText(detail) ? { type: 'refused', reason, detail } : undefined;
  }
  return fields.type === 'greeting' ? parseGreeting(fields) : undefined;
}

function parseGreeting(fields: Record<string, unknown>): GreetingMessage | undefined {
  const { versions, index, name, instance, experimentDigest, layoutDigest, incarnation, round } = fields;
  const texts = isText(name) && isText(instance) && isText(experimentDigest) && isText(layoutDigest);
  const counts = isCount(index) && isCount(incarnation) && isCount(round);
  const listed = Array.isArray(versions) && versions.length <= 32 && versions.every(isCount);
  if (!texts || !counts || !listed) return undefined;
  return {
    type: 'greeting',
    ...{ versions, index, name, instance, experimentDigest, layoutDigest, incarnation, round },
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 512;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export type Judgement = { readonly ok: true; readonly version: number } | ({ readonly ok: false } & Refusal);

/** Whether a greeting from member `index` lets a link come up, given what we say ourselves. */
export function judgeGreeting(theirs: GreetingMessage, index: number, ours: GreetingMessage): Judgement {
  const refuse = (reason: TransportRefusal, detail: string): Judgement => ({ ok: false, reason, detail });
  const version = newestCommon(theirs.versions, ours.versions);
  if (version === undefined) {
    const spoken = `they speak versions ${theirs.versions.join(', ')}, we speak ${ours.versions.join(', ')}`;
    return refuse('protocol-version', `${spoken}: upgrade the older peer`);
  }
  if (theirs.index !== index) {
    return refuse('bad-greeting', `says it is member ${theirs.index}, its key belongs to member ${index}`);
  }
  if (theirs.experimentDigest !== ours.experimentDigest) {
    return refuse('experiment-mismatch', difference(theirs.experimentDigest, ours.experimentDigest));
  }
  if (theirs.layoutDigest !== ours.layoutDigest) {
    return refuse('layout-mismatch', difference(theirs.layoutDigest, ours.layoutDigest));
  }
  return { ok: true, version };
}

function newestCommon(theirs: readonly number[], ours: readonly number[]): number | undefined {
  const common = ours.filter((version) => theirs.includes(version));
  return common.length === 0 ? undefined : Math.max(...common);
}

function difference(theirs: string, ours: string): string {
  return `theirs is ${theirs.slice(0, 16)}, ours is ${ours.slice(0, 16)}`;
}

const TOLD: readonly TransportRefusal[] = [
  'protocol-version',
  'experiment-mismatch',
  'layout-mismatch',
  'identity-in-use',
];

/** The other side's refusal of us as one of ours; a reason we do not know counts as a bad greeting. */
export function refusalFrom(message: { readonly reason: string; readonly detail: string }): Refusal {
  const reason = TOLD.find((known) => known === message.reason) ?? 'bad-greeting';
  return { reason, detail: `refused by the peer (${message.reason}): ${message.detail}` };
}
