/** Why a dial failed is said in words, whatever was thrown. */
import { multiaddr } from '@multiformats/multiaddr';
import { expect, test } from 'vitest';
import { describeDialFailure } from '../../src/transport/libp2p/dial-failure.ts';

const CLOSED = 'it closed the connection: does its membership have this silo as a neighbour?';
const addresses = [multiaddr('/ip4/127.0.0.1/tcp/4001')];
const eventOf = (type: string, error?: unknown) => Object.assign(new Event(type), { error });

test.each([
  [
    'a refused connection',
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    /connection refused/,
  ],
  ['the event that a stream closed', eventOf('close'), CLOSED],
  ['an event that carries why', eventOf('close', new Error('The operation timed out')), 'no answer in time'],
  ['an event of another kind', eventOf('error'), 'connection: error'],
  [
    'several failures',
    new AggregateError([eventOf('close'), new Error('Timeout')]),
    /closed.*; no answer in time/,
  ],
])('%s', (_, thrown, wanted) => {
  const text = describeDialFailure(thrown, addresses);
  expect(text).toMatch(/^at \/ip4\/127\.0\.0\.1\/tcp\/4001: /);
  expect(text.slice(text.indexOf(': ') + 2)).toMatch(wanted);
  expect(text).not.toContain('[object');
});
