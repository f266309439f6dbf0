/** Which greeting lets a link come up, and which version of the protocol it speaks then. */
import { expect, test } from 'vitest';
import { type GreetingMessage, judgeGreeting } from '../../src/transport/libp2p/hello.ts';

function greeting(versions: readonly number[]): GreetingMessage {
  const digests = { experimentDigest: 'e', layoutDigest: 'l' };
  return {
    type: 'greeting',
    versions,
    index: 1,
    name: 'b',
    instance: 'i',
    ...digests,
    incarnation: 1,
    round: 0,
  };
}

test.each([
  [[1], [1], 1],
  [[1, 2, 3], [1, 2], 2],
  [[2, 1], [1, 2, 9], 2],
  [[1, 99], [1], 1],
])('peers that speak versions %j and %j speak version %i', (theirs, ours, version) => {
  expect(judgeGreeting(greeting(theirs), 1, greeting(ours))).toEqual({ ok: true, version });
});

test('peers without a common version part, and are told what each speaks', () => {
  expect(judgeGreeting(greeting([2, 3]), 1, greeting([1]))).toMatchObject({
    ok: false,
    reason: 'protocol-version',
    detail: expect.stringMatching(/they speak versions 2, 3, we speak 1/),
  });
});
