/** How many bytes a message has on the wire, without making the frame: preamble, head, body, trailer. */
import { encode } from 'cborg';
import { type Agreement, encodeAgreement } from './agreement.ts';
import { PREAMBLE_BYTES, TRAILER_BYTES } from './framing.ts';
import { type Envelope, MESSAGE_VERSION } from './message.ts';

/** A key of one letter, with its length before it. */
const KEY_BYTES = 2;

/** Equal to the length of what encodeEnvelope makes, framed. */
export function frameBytesOf({ incarnation, sequence, message }: Envelope): number {
  // The map itself, then v, t, i, s, r with their keys.
  let head = 1 + 5 * KEY_BYTES + countBytes(MESSAGE_VERSION) + textBytes(message.type);
  head += countBytes(incarnation) + countBytes(sequence);
  switch (message.type) {
    case 'exchange': {
      const { kind, round, vectors, numbers, payload } = message.message;
      head += countBytes(round) + 2 * KEY_BYTES + textBytes(kind) + countBytes(numbers.length);
      for (const number of numbers) head += numberBytes(number);
      let body = payload?.length ?? 0;
      for (const vector of vectors) body += padded(vector.byteLength);
      return frameBytes(head + agreementBytes(message.agreement), body);
    }
    case 'state':
      head += countBytes(message.round) + agreementBytes(message.agreement);
      return frameBytes(head, padded(message.params.byteLength));
    case 'pull':
    case 'rejoin':
    case 'leave':
      return frameBytes(head + countBytes(message.round), 0);
  }
}

function frameBytes(headBytes: number, bodyBytes: number): number {
  return PREAMBLE_BYTES + headBytes + bodyBytes + TRAILER_BYTES;
}

function agreementBytes(agreement: Agreement | undefined): number {
  return agreement === undefined ? 0 : KEY_BYTES + encode(encodeAgreement(agreement)).length;
}

function numberBytes(number: number): number {
  if (Number.isSafeInteger(number)) return number >= 0 ? countBytes(number) : encode(number).length;
  // Half or single precision only where nothing is lost by it.
  return Math.fround(number) === number ? encode(number).length : 9;
}

/** CBOR's length of an unsigned integer, and of what says how long something is. */
function countBytes(count: number): number {
  if (count < 24) return 1;
  if (count < 2 ** 8) return 2;
  if (count < 2 ** 16) return 3;
  return count < 2 ** 32 ? 5 : 9;
}

function textBytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) > 127) bytes = Buffer.byteLength(text);
  return countBytes(bytes) + bytes;
}

function padded(byteCount: number): number {
  return Math.ceil(byteCount / 8) * 8;
}
