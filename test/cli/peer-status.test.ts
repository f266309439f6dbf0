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
