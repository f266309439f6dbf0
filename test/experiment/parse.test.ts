/** What a bad experiment file is answered with: the path, what was wanted, and what was probably meant. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GrapevineError, type Problem, ProblemsError } from '../../src/base/errors.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import { requireParamsFit } from '../../src/exchange/length.ts';
import { loadExperiment, parseExperiment } from '../../src/experiment/index.ts';

const good = `
name: good
data: {dataset: mnist, silos: 4}
model: mlp
train: {learningRate: 0.1}
topology: {kind: ring}
stop: {rounds: 3}
`;

function problemsOf(text: string, overrides: readonly string[] = []): readonly Problem[] {
  try {
    parseExperiment(text, { file: 'experiment.yaml', overrides });
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemsError);
    return (error as ProblemsError).problems;
  }
  return [];
}

test.each([
  ['aggregate={}', /^aggregate \| asks for nothing; wanted metrics, such as \[samples\], or params: true/],
  ['aggregate.metrics=[samples, samples]', /^aggregate.metrics \| names a metric twice/],
  ['aggregate.metrics=[loss]', /^aggregate.metrics.0 \| got "loss", wanted .*samples.*ownTest.*globalTest/],
  ['aggregate.parms=true', /^aggregate.parms \| unknown key \| did you mean params\?/],
  ['aggregate={params: true, tolerance: 0}', /^aggregate.tolerance \| got 0, wanted .*1e-12/],
  ['aggregate={params: true, patienceMs: 10}', /^aggregate.patienceMs \| got 10, wanted .*1000/],
])('%s is answered with what is wanted', (override, wanted) => {
  const told = problemsOf(good, [override]).map(({ path, message, suggestion }) =>
    [path, message, suggestion].filter((one) => one !== undefined).join(' | '),
  );
  expect(told).toContainEqual(expect.stringMatching(wanted));
});

test.each([
  [['aggregate.metrics=[ownTest]', 'data.testShare=0'], /no silo holds test data out/],
  [['aggregate.metrics=[ownTest]', 'data.dataset=toy', 'model=quadratic'], /the toy data have no classes/],
])('an accuracy that no silo can have is not aggregated: %s', (overrides, wanted) => {
  const told = problemsOf(good, overrides).filter(({ path }) => path === 'aggregate.metrics');
  expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(wanted)]);
});

describe('a small file is completed with the documented defaults', () => {
  const experiment = parseExperiment(good, { file: 'experiment.yaml' });

  test('everywhere', () => {
    const { overlay, ...rest } = experiment;
    expect(overlay.nodes.length).toBe(4);
    expect(rest).toEqual({
      name: 'good',
      seed: 1,
      data: { dataset: { kind: 'mnist' }, silos: 4, partition: { kind: 'iid' }, testShare: 0.2 },
      model: { kind: 'mlp', hidden: [64] },
      train: {
        optimizer: 'sgd',
        learningRate: 0.1,
        batchSize: 32,
        localEpochs: 1,
        objective: 'uniform',
        backend: 'auto',
      },
      topology: { kind: 'ring' },
      exchange: {
        rule: 'dpsgd',
        options: { variant: 'adapt-then-mix', staleness: 0, backups: 0 },
        weights: 'metropolis',
        carrier: 'stream',
        encoding: 'raw',
        deadline: { factor: 1.5, floorMs: 5000, ceilingMs: 60000, downGraceMs: 1000 },
      },
      evaluate: { everyRounds: 1 },
      checkpoint: { everyRounds: 10, keep: 2 },
      baselines: [],
      record: 'rounds',
      links: { delay: 1, jitter: 0 },
      simulate: { training: 'exact', compute: { kind: 'constant', time: 1, per: 'step' } },
      stop: { rounds: 3 },
    });
  });

  test('and frozen all the way down', () => {
    expect(Object.isFrozen(experiment.exchange.deadline)).toBe(true);
    expect(Object.isFrozen(experiment.overlay.arcs[0])).toBe(true);
  });
});

/** --set overrides that spoil the good file; the path, the message and the suggestion that answer them. */
const spoiled: readonly (readonly [string[], string, RegExp, (string | undefined)?])[] = [
  [['name=a/b'], 'name', /got "a\/b": wanted 1 to 64 letters/],
  [['name=7'], 'name', /got 7, wanted a text/],
  [['seed=-1'], 'seed', /got -1, wanted a number at least 0/],
  [['seed=1.5'], 'seed', /wanted a whole number/],
  [['modle=mlp'], 'modle', /unknown key/, 'did you mean model?'],
  [['links={loss: 0.1}'], 'links.loss', /unknown key/],
  [['links={delay: fast}'], 'links.delay', /wanted milliseconds, or a time such as 300ms/],
  [['links={upMbps: [1, 2]}'], 'links.upMbps', /got 2 numbers, wanted one per silo: 4/],
  [
    ['links={arcs: [[0, 4, {delay: 1s}]]}'],
    'links.arcs.0',
    /from 0 to 4, wanted two different silos from 0 to 3/,
  ],
  [['simulate.slowness=[1]'], 'simulate.slowness', /got 1 numbers, wanted one per silo: 4/],
  [
    ['simulate.compute={kind: pareto, least: 1ms, shape: 0}'],
    'simulate.compute.shape',
    /wanted a number more than 0/,
  ],
  [
    ['simulate.compute={kind: uniform, from: 2s, to: 1s}'],
    'simulate.compute.to',
    /wanted at least from: 2000/,
  ],
  [['data.dataset=minst'], 'data.dataset.kind', /got "minst", wanted one of penguins/, 'did you mean mnist?'],
  [['data.dataset.limits=3'], 'data.dataset.limits', /unknown key/, 'did you mean limit?'],
  [['data.silos=0'], 'data.silos', /got 0, wanted a number at least 1/],
  [['data.silos=~'], 'data.silos', /got null, wanted a number/],
  [['data.testShare=0.95'], 'data.testShare', /got 0.95, wanted a number at most 0.9/],
  [['data.partition=dirchlet'], 'data.partition.kind', /wanted one of iid/, 'did you mean dirichlet?'],
  [['data.partition=dirichlet'], 'data.partition.alpha', /is missing; wanted a number/],
  [
    ['data.partition={kind: quantity, sizes: [3, 4]}'],
    'data.partition.sizes',
    /got 2 sizes, wanted one for each of the 4 silos/,
  ],
  [
    ['data.dataset=penguins', 'data.partition=natural'],
    'data.silos',
    /live on 3 islands/,
    'set data.silos to 3, or use partition: dirichlet',
  ],
  [['model=mpl'], 'model.kind', /got "mpl"/, 'did you mean mlp?'],
  [['model={kind: mlp, hiden: [3]}'], 'model.hiden', /unknown key/, 'did you mean hidden?'],
  [['model.hidden=[64, 0]'], 'model.hidden.1', /got 0, wanted a number at least 1/],
  [['model.hidden=64'], 'model.hidden', /got 64, wanted a list/],
  [['train.learningRate=-1'], 'train.learningRate', /got -1, wanted a number more than 0/],
  [['train.learningRate=.nan'], 'train.learningRate', /got NaN, wanted a number/],
  [['train.learningrate=1'], 'train.learningrate', /unknown key/, 'did you mean learningRate?'],
  [['train.optimizer=adm'], 'train.optimizer', /wanted one of sgd, momentum, adam/, 'did you mean adam?'],
  [['train.momentum=0.9'], 'train.momentum', /unknown key/, 'it belongs to optimizer: momentum'],
  [['train.localEpochs=1', 'train.localSteps=5'], 'train.localSteps', /wanted one of them/, 'remove one'],
  [
    ['train.schedule=cosin'],
    'train.schedule.kind',
    /wanted one of constant, step, cosine/,
    'did you mean cosine?',
  ],
  [['train.backend=gpu'], 'train.backend', /wanted one of auto, tensorflow, wasm, cpu/],
  [['topology=rng'], 'topology.kind', /wanted one of ring/, 'did you mean ring?'],
  [['topology=~'], 'topology', /wanted a graph such as \{kind: ring\}/],
  [['topology=hypercube', 'data.silos=6'], 'topology', /wants a power of two: 4 or 8/],
  [
    ['topology={kind: ring, seed: 3}'],
    'topology.seed',
    /unknown key/,
    'it belongs to kind: random-regular or erdos-renyi or ring-chords or permutations',
  ],
  [['topology={kind: random-regular, degree: 3}', 'data.silos=11'], 'topology', /must be even/],
  [['topology={file: nowhere.yaml}'], 'topology', /nowhere.yaml does not exist/],
  [
    ['topology={overlay: {name: o, directed: false, nodes: 4, arcs: [[0, 1], [2, 3]]}}'],
    'topology',
    /not connected: it has 2 components \{silo-0, silo-1\}, \{silo-2, silo-3\}/,
  ],
  [
    ['topology={overlay: {name: o, directed: false, nodes: 3, arcs: [[0, 1], [1, 2]]}}'],
    'data.silos',
    /got 4, but the overlay o has 3 nodes/,
    'set data.silos to 3 or choose another topology',
  ],
  [
    ['topology={overlay: {name: o, directed: false, nodes: 4, arcs: [[0, 9]]}}'],
    'topology.overlay.arcs.0',
    /wanted nodes from 0 to 3/,
  ],
  [['exchange.rule=dpsdg'], 'exchange.rule', /wanted one of dpsgd/, 'did you mean dpsgd?'],
  [
    ['exchange.variant=adapt-than-mix'],
    'exchange.variant',
    /must be one of parallel/,
    'did you mean adapt-then-mix?',
  ],
  [['exchange.wieghts=uniform'], 'exchange.wieghts', /unknown option/, 'did you mean weights?'],
  [
    ['exchange.weights=metropolois'],
    'exchange.weights',
    /wanted metropolis, or sinkhorn/,
    'did you mean metropolis?',
  ],
  [['exchange.weights=[[0, 0, a]]'], 'exchange.weights.0.2', /got "a", wanted a number/],
  [['exchange.weights=[[0, 0, 1], [1, 1, 1]]'], 'exchange.weights', /row 2 \(silo-2\) sums to 0, wanted 1/],
  [['exchange.weights=uniform', 'topology=path'], 'exchange.weights', /not doubly stochastic/],
  [['exchange.weights=overlay'], 'exchange.weights', /wants an overlay file with weights/],
  [
    ['exchange.weights=metropolis', 'topology=exponential', 'data.silos=6'],
    'exchange.weights',
    /use sinkhorn/,
  ],
  [
    ['exchange.rule=pairwise', 'topology=exponential', 'data.silos=6'],
    'exchange.rule',
    /wants an undirected graph/,
    'use rule dpsgd, receive-merge, gossip-learning or push-sum, or an undirected topology',
  ],
  [
    ['exchange.rule=pairwise', 'exchange.carrier=gossip'],
    'exchange.carrier',
    /sends to one at a time/,
    'use carrier: stream',
  ],
  [
    ['exchange.carrier=gossip', 'model.hidden=[2000]'],
    'exchange.carrier',
    /the model has 6360040 bytes/,
    'use carrier: stream',
  ],
  [
    ['exchange={rule: choco, gamma: 1.5}'],
    'exchange.gamma',
    /^gamma is 1.5; it must be a number above 0 and at most 1$/,
  ],
  [
    ['exchange={rule: choco, compressor: sign, encoding: int8}'],
    'exchange.compressor',
    /^compressor is sign, but encoding int8 has the changes travel as int8: wanted one of the two/,
  ],
  [['exchange={rule: choco, gamma: .nan}'], 'exchange.gamma', /^gamma is NaN; it must be a number above 0/],
  [
    ['exchange={rule: choco, compressor: {kind: top-k, count: 0}}'],
    'exchange.compressor',
    /^compressor: count is 0; it must be a positive integer$/,
  ],
  [
    ['exchange={rule: choco, compressor: {kind: random-k, share: 1.5}}'],
    'exchange.compressor',
    /^compressor: share is 1.5; it must be above 0 and at most 1$/,
  ],
  [
    ['exchange={rule: choco}', 'topology=exponential', 'data.silos=6'],
    'exchange.rule',
    /rule choco wants an undirected graph, and exponential is directed/,
    'use rule dpsgd, receive-merge, gossip-learning or push-sum, or an undirected topology',
  ],
  [
    ['exchange={rule: gossip-learning, mode: push-pull}', 'topology=exponential', 'data.silos=6'],
    'exchange.mode',
    /mode push-pull wants an undirected graph/,
  ],
  [
    ['exchange={rule: dpsgd, backups: 9}'],
    'exchange.backups',
    /backups is 9, but peer 0 hears from 2 only.*wanted at most 1/,
  ],
  [
    [
      'topology={overlay: {name: o, directed: true, nodes: 4, arcs: [[0, 1], [1, 2], [2, 3]]}}',
      'exchange.rule=push-sum',
    ],
    'topology',
    /not strongly connected/,
  ],
  [['exchange.deadline.factor=2'], 'exchange.deadline.factor', /got 2, wanted a number at most 1.5/],
  [
    ['exchange.deadline.ceilingMs=100'],
    'exchange.deadline.ceilingMs',
    /wanted at least floorMs, which is 5000/,
  ],
  [['baselines=[alon]'], 'baselines.0', /wanted one of alone, pooled/, 'did you mean alone?'],
  [['record=everything'], 'record', /wanted one of summary, rounds, all/],
  [['checkpoint.everyRound=2'], 'checkpoint.everyRound', /unknown key/, 'did you mean everyRounds?'],
  [['stop={}'], 'stop', /wanted at least one of rounds, seconds, targetAccuracy/],
  [['stop.rounds=0'], 'stop.rounds', /got 0, wanted a number at least 1/],
  [['stop.targetAccuracy=95'], 'stop.targetAccuracy', /got 95, wanted a number at most 1/],
  [
    ['data.dataset=digits', 'data.testShare=0', 'stop.targetAccuracy=0.9'],
    'stop.targetAccuracy',
    /no silo holds test data out/,
    'set data.testShare to 0.2',
  ],
  [['train.learningRate'], '--set train.learningRate', /wanted path=value/],
  [['train.learningRate=[1'], '--set train.learningRate=[1', /the value is not YAML/],
];

describe('one thing wrong', () => {
  test.each(
    spoiled.map(([overrides, path, message, suggestion]) => ({ overrides, path, message, suggestion })),
  )('$overrides is answered at $path', ({ overrides, path, message, suggestion }) => {
    const problems = problemsOf(good, overrides);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]!.message).toMatch(message);
    if (suggestion !== undefined) expect(problems[0]!.suggestion).toBe(suggestion);
    expect(problems[0]!.suggestion ?? '').not.toMatch(/did you mean (its|the|object|must)/);
  });

  test.each(['name', 'data', 'model', 'train', 'topology', 'stop'])('%s left out is missed', (block) => {
    const text = good.replace(new RegExp(`^${block}:.*\n`, 'm'), '');
    expect(problemsOf(text).map((problem) => problem.path)).toEqual([block]);
  });
});

test('a graph by kind cannot tell how many silos there are', () => {
  const text = good.replace(', silos: 4', '');
  expect(problemsOf(text)).toEqual([
    { path: 'data.silos', message: 'is missing; wanted the number of silos, such as 11' },
  ]);
});

test('many things wrong in several blocks are all reported at once, the graph included', () => {
  const text = `
name: a b
data: {dataset: minst, silos: 7}
model: {kind: mlp, hidden: [0]}
train: {learningRate: 0, localEpochs: 0}
topology: {kind: hypercube}
exchange: {rule: dpsgd, variant: x, carrier: pigeon}
stop: {rounds: many}
`;
  expect(problemsOf(text).map((problem) => problem.path)).toEqual([
    'name',
    'data.dataset.kind',
    'model.hidden.0',
    'train.learningRate',
    'train.localEpochs',
    'exchange.carrier',
    'stop.rounds',
    'topology',
  ]);
});

describe('broken YAML', () => {
  test('is reported with line and column', () => {
    expect(problemsOf('name: [a\ndata: 3\n')[0]!.path).toMatch(/^line \d+, column \d+$/);
  });

  test('two equal keys are reported, not merged', () => {
    const [problem] = problemsOf('name: a\nname: b\n');
    expect(problem).toMatchObject({ path: 'line 2, column 1', message: 'Map keys must be unique' });
  });

  test('aliases that multiply without end are refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [name, from] of ['ba', 'cb', 'dc', 'ed', 'fe']) {
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${from}`).join(', ')}]`);
    }
    expect(problemsOf(bomb.join('\n'))[0]!.message).toMatch(/not readable as YAML/);
  });

  test.each(['', '[]', '3', 'text', '~'])('a file that holds just %j misses everything', (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });
});

describe('overrides', () => {
  test('are typed as YAML, open up bare names and reach into lists', () => {
    const experiment = parseExperiment(good, {
      file: 'experiment.yaml',
      overrides: [
        'model.hidden=[32, 16]',
        'model.hidden.1=8',
        'train.optimizer=adam',
        'baselines=none',
        'seed=7',
      ],
    });
    expect(experiment.model).toEqual({ kind: 'mlp', hidden: [32, 8] });
    expect(experiment.train).toMatchObject({ optimizer: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 });
    expect([experiment.seed, experiment.baselines]).toEqual([7, []]);
  });

  test('put another kind in the place of its whole block, and leave the rest of an equal kind alone', () => {
    const text = good.replace(/^topology:.*$/m, 'topology: {kind: random-regular, degree: 3, seed: 5}');
    const parse = (override: string) =>
      parseExperiment(text, { file: 'experiment.yaml', overrides: [override] });
    expect(parse('topology.kind=ring').topology).toEqual({ kind: 'ring' });
    expect(parse('topology.kind=random-regular').topology).toMatchObject({ degree: 3, seed: 5 });
  });

  test('cannot reach a prototype', () => {
    expect(problemsOf(good, ['__proto__.polluted=1'])[0]!.message).toMatch(/no key has this name/);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'grapevine-experiment-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const codeOf = (path: string) => {
    try {
      loadExperiment(path);
    } catch (error) {
      return (error as GrapevineError).code;
    }
    return 'fine';
  };

  test('that are missing, a folder or too large are told apart', () => {
    const large = join(folder, 'large.yaml');
    writeFileSync(large, '');
    truncateSync(large, 5 * 2 ** 20);
    expect([codeOf(join(folder, 'no.yaml')), codeOf(folder), codeOf(large)]).toEqual([
      'file-missing',
      'file-is-folder',
      'file-too-large',
    ]);
  });

  test('name others relative to their own folder; the overlay gives the number of silos and its weights', () => {
    mkdirSync(join(folder, 'graphs'));
    const overlay =
      '{name: pair, directed: false, nodes: 2, arcs: [[0, 1]], weights: [[0, 0, 0.7], [0, 1, 0.3], [1, 0, 0.3], [1, 1, 0.7]]}';
    writeFileSync(join(folder, 'graphs/pair.yaml'), overlay);
    const text = good
      .replace('{dataset: mnist, silos: 4}', '{dataset: {kind: idx, images: i.idx, labels: l.idx}}')
      .replace('{kind: ring}', '{file: graphs/pair.yaml}');
    writeFileSync(join(folder, 'experiment.yaml'), text);
    const experiment = loadExperiment(join(folder, 'experiment.yaml'));
    expect([experiment.data.silos, experiment.exchange.weights]).toEqual([2, 'overlay']);
    expect(experiment.data.dataset).toMatchObject({
      images: join(folder, 'i.idx'),
      labels: join(folder, 'l.idx'),
    });
  });

  test('with a bad overlay are answered with the problems of the overlay', () => {
    writeFileSync(join(folder, 'bad.yaml'), '{name: bad, directed: false, nodes: 2, arcs: [[0, 5]]}');
    writeFileSync(join(folder, 'uses-bad.yaml'), good.replace('{kind: ring}', '{file: bad.yaml}'));
    expect(() => loadExperiment(join(folder, 'uses-bad.yaml'))).toThrow(
      /topology\.file\.arcs\.0: got \[0, 5\]/,
    );
  });
});

describe('a model with fewer params than the rule wants', () => {
  const small = (exchange: string, data = 'digits, silos: 4', model = 'softmax') =>
    problemsOf(
      good.replace('mnist, silos: 4', data).replace('model: mlp', `model: ${model}\nexchange: ${exchange}`),
    );

  test.each([
    ['top-k', 650],
    ['random-k', 650],
  ])('%s of a count that is all of them is taken, of one more refused before the run', (kind, length) => {
    const counting = (count: number) => `{rule: choco, compressor: {kind: ${kind}, count: ${count}}}`;
    expect(small(counting(length))).toEqual([]);
    expect(small(counting(length + 1))).toEqual([
      {
        path: 'exchange.compressor',
        message: `compressor keeps a count of ${length + 1} elements, but the model has ${length} params: wanted a count of at most ${length}`,
      },
    ]);
  });

  test.each([
    ['penguins', 'penguins, silos: 3', 'softmax', 15],
    ['an MLP of mnist', 'mnist, silos: 4', '{kind: mlp, hidden: [64, 32]}', 52_650],
    ['the toy', '{kind: toy, dimension: 5}, silos: 4', '{kind: quadratic}', 5],
    ['a toy with points', '{kind: toy, optima: [[1, 2], [3, 4], [5, 6]]}, silos: 3', '{kind: quadratic}', 2],
  ])('the size of %s is known', (_what, data, model, length) => {
    const counting = (count: number) =>
      small(`{rule: choco, compressor: {kind: top-k, count: ${count}}}`, data, model);
    expect(counting(length)).toEqual([]);
    expect(counting(length + 1)[0]?.message).toContain(`the model has ${length} params`);
  });

  test('parts that would be empty are refused', () => {
    const [problem] = small(
      '{rule: gossip-learning, parts: 16}',
      '{kind: toy, dimension: 5}, silos: 4',
      '{kind: quadratic}',
    );
    expect(problem?.path).toBe('exchange.parts');
    expect(problem?.message).toContain('parts is 16, but the model has 5 params: wanted at most 5 parts');
  });

  test('a size that only the data tell is judged when it is known', () => {
    const rule = findExchangeRule('choco')!;
    const options = { compressor: { kind: 'top-k', count: 8 } };
    expect(() => requireParamsFit(rule, options, 8)).not.toThrow();
    expect(() => requireParamsFit(rule, options, 7)).toThrow(
      expect.objectContaining({
        code: 'rule-model',
        message: expect.stringContaining('the model has 7 params'),
      }),
    );
  });
});
