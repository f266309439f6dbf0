/** Why a dial failed, in words for the operator: libp2p's and the system's errors, with the addresses that were tried. */
import type { Multiaddr } from '@multiformats/multiaddr';
import { describeError } from '../../base/errors.ts';

/** What an error's name, code or message contains, and what that means. The first that fits counts. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'connection refused: nothing listens there'],
  [/UnexpectedPeer|does not match expected/, 'another peer id answers there than the membership names'],
  [/ENOTFOUND|EAI_AGAIN|ENODATA/, 'the host name is unknown'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route to the host'],
  [/DialDenied|ConnectionDenied|gater/, 'denied here: it is no neighbour'],
  [/Timeout|Abort|ETIMEDOUT|timed out/i, 'no answer in time'],
  [
    /ECONNRESET|EPIPE|UnexpectedEOF|UnexpectedEnd|StreamReset|Stream(State|Closed)|MuxerClosed|ConnectionClos|closed?|reset/i,
    'it closed the connection: does its membership have this silo as a neighbour?',
  ],
];

/** `at ADDRESS[, ADDRESS]: REASON[; REASON]`. */
export function describeDialFailure(error: unknown, addresses: readonly Multiaddr[]): string {
  const errors = error instanceof AggregateError && error.errors.length > 0 ? error.errors : [error];
  const reasons = [...new Set(errors.map(meaningOf))].sort();
  return `${describeAddresses(addresses)}: ${reasons.join('; ')}`;
}

/** Without the peer id, which is the same for all. */
export function describeAddresses(addresses: readonly Multiaddr[]): string {
  return `at ${addresses.map((address) => address.toString().replace(/\/p2p\/[^/]*$/, '')).join(', ')}`;
}

/** libp2p also throws the event that ended its waiting: a stream's `close`, for one. */
function meaningOf(thrown: unknown): string {
  const event = thrown instanceof Event ? (thrown as Event & { readonly error?: unknown }) : undefined;
  const error = event === undefined ? thrown : (event.error ?? `connection: ${event.type}`);
  const detail = describeError(error);
  const { name = '', code = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const clues = `${name} ${code} ${detail}`;
  return MEANINGS.find(([pattern]) => pattern.test(clues))?.[1] ?? detail;
}
