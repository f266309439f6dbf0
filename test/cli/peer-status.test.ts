/** What `grapevine peer` shows of what others said. */
import { expect, test } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { PeerStatusLine } from '../../src/cli/peer-status.ts';
import { Progress } from '../../src/cli/progress.ts';

test('words that a neighbour chose reach the terminal without its control characters, once per kind', () => {
  const written: string[] = [];
  const progress = new Progress({ write: (text) => written.push(text) }, realClock, false);
  const status = new PeerStatusLine(['oslo', 'lima'], 10, progress);
  status.onRefused(1, 'kind-unknown', 'exchange \u001b]0;owned\u0007\r\nall is well');
  status.onRefused(1, 'kind-unknown', 'again');
  expect(written).toEqual([
    'refused from lima: kind-unknown: exchange ?]0;owned???all is well (further ones are only counted)\n',
  ]);
});

test('says which neighbour cannot be reached, where and why, and that it goes on trying', () => {
  const written: string[] = [];
  const progress = new Progress({ write: (text) => written.push(text) }, realClock, false);
  const status = new PeerStatusLine(['oslo', 'lima'], 10, progress);
  status.onUnreachable(1, 'at /ip4/127.0.0.1/tcp/4102: connection refused');
  expect(written).toEqual([
    'cannot reach lima at /ip4/127.0.0.1/tcp/4102: connection refused; trying again\n',
  ]);
});
