import { describe, expect, test } from 'vitest';
import { ProblemsError } from '../../src/base/errors.ts';
import { parseSilo } from '../../src/experiment/index.ts';
import { identityOfSeed } from '../../src/identity/index.ts';

const operator = identityOfSeed(new Uint8Array(32).fill(7)).peerId;
const good = `
name: north-hospital
experiment: ../experiment.yaml
key: north.key
members: members.yaml
operator: ${operator}
data:
  dataset: {kind: csv, path: own.csv, label: outcome, classes: [alive, dead], features: [{column: age, min: 0, max: 120}]}
runFolder: runs/north
`;

function problemsOf(overrides: readonly string[]): string[] {
  try {
    parseSilo(good, { file: 'silo.yaml', overrides });
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemsError);
    const { problems } = error as ProblemsError;
    return problems.map(({ path, message, suggestion }) => [path, message, suggestion ?? ''].join(' | '));
  }
  return [];
}

test('a silo file is completed: nothing about the data is shared unless named, paths start at the file', () => {
  const silo = parseSilo(good, { file: '/etc/grapevine/silo.yaml' });
  expect(silo).toMatchObject({
    experiment: '/etc/experiment.yaml',
    key: '/etc/grapevine/north.key',
    members: '/etc/grapevine/members.yaml',
    runFolder: '/etc/grapevine/runs/north',
    listen: ['/ip4/0.0.0.0/tcp/0'],
    announce: [],
    share: { sizes: false, labelHistogram: false },
    limits: { logBytesMax: 16 * 2 ** 20, logFilesKept: 4, threads: 1 },
    data: { testShare: 0.2, dataset: { path: '/etc/grapevine/own.csv' } },
  });
  expect(Object.isFrozen(silo.data.dataset)).toBe(true);
});

describe('one thing wrong', () => {
  test.each([
    ['listen=[0.0.0.0:4001]', /^listen\.0 \| got "0\.0\.0\.0:4001": wanted a multiaddr over TCP/],
    ['announce=/ip4/1.2.3.4/tcp/1', /^announce \| got .* wanted a list/],
    ['operator=somebody', /^operator \| wanted the peer id of an Ed25519 key/],
    ['share.size=true', /^share\.size \| unknown key \| did you mean sizes\?/],
    ['share.sizes=yes', /^share\.sizes \| got "yes", wanted true or false/],
    ['keyfile=x', /^keyfile \| unknown key/],
    ['limits.threads=0', /^limits\.threads \| got 0, wanted a number at least 1/],
    ['data.testShare=1', /^data\.testShare \| got 1, wanted a number at most 0\.9/],
    [
      'data.dataset={kind: idx, images: a, labels: b}',
      /^data\.dataset\.classes \| .*must declare the classes/,
    ],
    ['name=', /^name \| got null, wanted a text/],
  ])('%s', (override, expected) => {
    const problems = problemsOf([override]);
    expect(problems.length).toBe(1);
    expect(problems[0]).toMatch(expected);
  });
});

test('all problems are reported at once', () => {
  expect(problemsOf(['listen=3', 'nmae=x', 'runFolder=', 'data.dataset=mnsit']).length).toBe(4);
});
