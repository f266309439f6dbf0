import { describe, expect, test } from 'vitest';
import { checkAgainst } from '../../src/base/document.ts';
import type { Problem } from '../../src/base/errors.ts';
import type { FaultSchedule } from '../../src/faults/fault.ts';
import { faultWarnings, resolveFaults } from '../../src/faults/resolve.ts';
import { faultsSchema } from '../../src/faults/schema.ts';

/** A line of four: Biscoe – Dream – Gentoo – Torgersen. */
const NAMES = ['Biscoe', 'Dream', 'Gentoo', 'Torgersen'];
const ARCS = [0, 1, 2].flatMap((peer) => [[peer, peer + 1] as const, [peer + 1, peer] as const]);

function read(block: unknown, runMs?: number): { schedule: FaultSchedule | undefined; problems: Problem[] } {
  const checked = checkAgainst(faultsSchema, block, ['faults']);
  if (!checked.ok) return { schedule: undefined, problems: [...checked.problems] };
  const problems: Problem[] = [];
  const scene = { names: NAMES, arcs: ARCS, ...(runMs === undefined ? {} : { runMs }) };
  return { schedule: resolveFaults(checked.value, 9, scene, problems), problems };
}
const told = (block: unknown, runMs?: number): string[] =>
  read(block, runMs).problems.map(
    ({ path, message, suggestion }) =>
      `${path}: ${message}${suggestion === undefined ? '' : ` — ${suggestion}`}`,
  );
const faultsOf = (block: unknown) => read(block).schedule?.faults;

describe('the faults block', () => {
  test('shorthand, list, names, indices and written times become one typed record', () => {
    expect(
      read({
        loss: 0.1,
        delay: '20ms',
        list: [{ kind: 'crash', peer: 'Dream', at: '2.5s', restartAt: '1min' }],
      }),
    ).toEqual({
      problems: [],
      schedule: {
        seed: 9,
        faults: [
          { kind: 'loss', probability: 0.1, fromMs: 0 },
          { kind: 'delay', extraMs: 20, fromMs: 0 },
          { kind: 'crash', peer: 1, atMs: 2_500, restartMs: 60_000 },
        ],
      },
    });
    expect(
      faultsOf([{ kind: 'partition', from: ['Biscoe', 1], to: 'Gentoo', after: 100, until: '0.3s' }]),
    ).toEqual([
      { kind: 'partition', from: [0, 1], to: [2], symmetric: true, silent: false, fromMs: 100, toMs: 300 },
    ]);
    expect(faultsOf([{ kind: 'availability', share: 0.4, memory: 0.8, slot: '1s' }])?.[0]).toMatchObject({
      peers: [0, 1, 2, 3],
      slotMs: 1_000,
      off: 'pause',
    });
  });

  test('a drawn schedule is part of the record, and the record reads back as itself', () => {
    const { schedule } = read({ loss: 0.2, draw: { seed: 4, intensity: 'harsh', until: '10s' } });
    expect(schedule?.faults.length).toBeGreaterThan(5);
    expect(read({ schedule }).schedule).toEqual(schedule);
    expect(told({ schedule, loss: 0.1 })).toEqual([
      'faults.loss: stands beside schedule, which is complete — remove one',
    ]);
  });

  test('nothing asked for is no schedule', () => {
    expect([read({}), read([]), read({ loss: 0 })]).toEqual(
      Array.from({ length: 3 }, () => ({ schedule: undefined, problems: [] })),
    );
  });
});

describe('what is wrong with faults is told with place and advice', () => {
  test.each<[string, unknown, string[]]>([
    [
      'an unknown name',
      [{ kind: 'crash', peer: 'Dreem', at: 1 }],
      ['faults.list.0.peer: there is no peer named "Dreem" — did you mean Dream?'],
    ],
    [
      'an unknown index',
      [{ kind: 'slow', peer: 4, factor: 2 }],
      ['faults.list.0.peer: there is no peer 4 — the 4 peers are 0 to 3'],
    ],
    [
      'an unknown link',
      [{ kind: 'loss', probability: 0.5, from: 'Biscoe', to: 'Torgersen' }],
      ['faults.list.0: no arc of the graph leads from Biscoe to Torgersen — arcs lead from there to Dream'],
    ],
    [
      'a partition that parts nobody',
      [{ kind: 'partition', from: [0], to: [2, 3] }],
      [
        'faults.list.0: no arc of the graph leads from Biscoe to Gentoo, Torgersen — arcs lead from there to Dream',
      ],
    ],
    [
      'a negative time',
      [{ kind: 'pause', peer: 0, after: '-3s' }],
      ['faults.list.0.after: got -3000 ms, wanted a time from 0'],
    ],
    [
      'an unreadable time',
      [{ kind: 'leave', peer: 0, at: '3 weeks' }],
      ['faults.list.0.at: got "3 weeks", wanted milliseconds, or a time such as 300ms, 2.5s or 1min'],
    ],
    [
      'a missing time',
      [{ kind: 'leave', peer: 0 }],
      ['faults.list.0.at: is missing; wanted milliseconds, or a time such as 300ms, 2.5s or 1min'],
    ],
    [
      'a span backwards',
      [{ kind: 'pause', peer: 0, after: 20, until: 10 }],
      [
        'faults.list.0.until: got 10 ms, wanted a time after after, which is 20 ms — swap them, or leave one out',
      ],
    ],
    [
      'a restart before the crash',
      [{ kind: 'crash', peer: 0, at: '3s', restartAt: '2s' }],
      [
        'faults.list.0.restartAt: got 2 s, wanted a time after at, which is 3 s — a peer starts again after its crash',
      ],
    ],
    ['a probability above 1', { loss: 1.2 }, ['faults.loss: got 1.2, wanted a number at most 1']],
    [
      'an unknown kind',
      [{ kind: 'lose', probability: 0.1 }],
      [
        'faults.list.0.kind: got "lose", wanted one of loss, duplicate, corrupt, reorder, delay, bandwidth, partition, crash, pause, slow, clock, join, leave, availability — did you mean loss?',
      ],
    ],
    [
      'share 0',
      [{ kind: 'availability', share: 0, slot: 5 }],
      ['faults.list.0.share: got 0, wanted a number more than 0'],
    ],
    [
      'memory without a chain',
      [{ kind: 'availability', share: 0.8, memory: -0.5, slot: 5 }],
      ['faults.list.0.memory: got -0.5, wanted a number from -0.250 to below 1'],
    ],
    [
      'a crash while crashed',
      [
        { kind: 'crash', peer: 1, at: '2s', restartAt: '9s' },
        { kind: 'crash', peer: 1, at: '4s' },
      ],
      [
        'faults.list.1: Dream would be crashed from 4 s, but it is crashed until 9 s (faults.list.0) — let one end before the other begins, or take one out',
      ],
    ],
    [
      'a join after a leave',
      [
        { kind: 'join', peer: 1, at: '5s' },
        { kind: 'leave', peer: 1, at: '2s' },
      ],
      [
        'faults.list.1: Dream would be gone from 2 s, but it is not there yet until 5 s (faults.list.0) — let one end before the other begins, or take one out',
      ],
    ],
    [
      'two slow-downs at once',
      [
        { kind: 'slow', peer: 1, factor: 2, after: 0 },
        { kind: 'slow', peer: 1, factor: 3, after: 10, until: 20 },
      ],
      [
        'faults.list.1: Dream would be slowed down from 10 ms, but it is slowed down for good (faults.list.0) — let one end before the other begins, or take one out',
      ],
    ],
    [
      'nobody left',
      [0, 1, 2, 3].map((peer) => ({ kind: 'leave', peer, at: peer * 1_000 })),
      [
        'faults.list.3: after 3 s nobody is left: all 4 peers are crashed, paused or gone for good — let one of them stay or come back',
      ],
    ],
  ])('%s', (_what, block, wanted) => {
    expect(told(block)).toEqual(wanted);
  });

  test('all at once, each in its place', () => {
    expect(
      told([
        { kind: 'crash', peer: 'Nobody', at: 1 },
        { kind: 'pause', peer: 'Dream ', after: 1 },
      ]),
    ).toHaveLength(2);
    expect(
      told([
        { kind: 'slow', peer: 7, factor: 2 },
        { kind: 'pause', peer: 1, after: 9, until: 3 },
      ]),
    ).toHaveLength(2);
  });

  test('a schedule longer than the run is refused where its time is known, and warned of where it is not', () => {
    const block = [
      { kind: 'crash', peer: 0, at: '5s', restartAt: '70s' },
      { kind: 'leave', peer: 1, at: '1min' },
    ];
    expect(told(block, 60_000)).toEqual([
      'faults.list.0.restartAt: ends at 70 s, but the run ends after 60 s — make it earlier, or set stop.seconds higher',
      'faults.list.1.at: happens at 60 s, but the run ends after 60 s — make it earlier, or set stop.seconds higher',
    ]);
    const { schedule } = read(block);
    expect(faultWarnings(schedule!, undefined)[0]).toContain('planned for 70 s');
    expect(faultWarnings(schedule!, 90_000)).toEqual([]);
    const endless = { list: [{ kind: 'partition', from: [0], to: [1], after: '10ms' }] };
    expect(faultWarnings(read(endless).schedule!, undefined)[0]).toMatch(
      /begins at 10 ms and goes on to the end/,
    );
    expect(faultWarnings(read({ loss: 0.1 }).schedule!, undefined)).toEqual([]);
  });

  test('what is wrong with one fault hides nothing that is wrong with the others', () => {
    const list = [
      { kind: 'crash', peer: 'Nobody', at: '1s' },
      { kind: 'loss', probability: 0.5, from: ['Biscoe'], to: ['Torgersen'] },
      { kind: 'crash', peer: 'Dream', at: '1s' },
      { kind: 'pause', peer: 'Dream', after: '2s', until: '3s' },
      { kind: 'slow', peer: 'Gentoo', factor: 2, after: '9s' },
    ];
    const problems = told({ list }, 5_000);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'faults.list.0.peer',
      'faults.list.1',
      'faults.list.4.after',
      'faults.list.3',
    ]);
  });
});
