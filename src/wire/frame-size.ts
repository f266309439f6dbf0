/** How many bytes a message has on the wire, without making the frame: preamble, head, body, trailer. */
import { encode } from 'cborg';
import { type Agreement, encodeAgreement } from './agreement.ts';
import { frameBytes } from './framing.ts';
import type { Envelope } from './message.ts';

/** A rule has fewer kinds than that the code of one would need a second byte. */
const CODE_BYTES = 1;
const LIST_BYTES = 1;

/** Equal to the length of what encodeEnvelope makes, framed. */
export function frameBytesOf({ incarnation, sequence, message }: Envelope): number {
  const { round } = message.type === 'exchange' ? message.message : message;
  const names = countBytes(round) + countBytes(incarnation) + countBytes(sequence);
  const head = LIST_BYTES + CODE_BYTES + names;
  switch (message.type) {
    case 'exchange': {
      const { vectors, numbers, payload } = message.message;
      let body = payload?.length ?? 0;
      for (const vector of vectors) body += padded(vector.byteLength);
      return frameBytes(head + detailBytes(numbers, message.agreement), body);
    }
    case 'state':
      return frameBytes(head + detailBytes([], message.agreement), padded(message.params.byteLength));
    case 'pull':
    case 'rejoin':
    case 'leave':
    case 'again':
      return frameBytes(head, 0);
  }
}

function detailBytes(numbers: readonly number[], agreement: Agreement | undefined): number {
  if (agreement === undefined && numbers.length === 0) return 0;
  let bytes = countBytes(numbers.length);
  for (const number of numbers) bytes += numberBytes(number);
  return agreement === undefined ? bytes : bytes + encode(encodeAgreement(agreement)).length;
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

function padded(byteCount: number): number {
  return Math.ceil(byteCount / 8) * 8;
}
