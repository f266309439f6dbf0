/** The order of events on virtual time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventQueue } from '../../src/simulate/event-queue.ts';

interface Planned {
  readonly atMs: number;
  readonly peer: number;
  readonly order: number;
}

const byRule = (a: Planned, b: Planned) => a.atMs - b.atMs || a.peer - b.peer || a.order - b.order;

describe('the event queue', () => {
  test('gives what was pushed by time, then peer, then order of pushing, whatever is pushed in between', () => {
    const operation = fc.option(fc.record({ atMs: fc.nat(6), peer: fc.nat(4) }), { freq: 3 });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        const queue = new EventQueue<Planned>();
        const model: Planned[] = [];
        for (const [order, pushed] of operations.entries()) {
          if (pushed !== null) {
            const planned = { ...pushed, order };
            queue.push(planned.atMs, planned.peer, planned);
            model.push(planned);
          } else {
            model.sort(byRule);
            expect(queue.nextMs).toBe(model[0]?.atMs ?? Number.POSITIVE_INFINITY);
            const popped = queue.pop();
            expect(popped).toEqual(model.shift());
            if (popped !== undefined) expect([queue.atMs, queue.peer]).toEqual([popped.atMs, popped.peer]);
          }
          expect(queue.size).toBe(model.length);
        }
        model.sort(byRule);
        expect(model.map(() => queue.pop())).toEqual(model);
        expect(queue.pop()).toBeUndefined();
      }),
    );
  });

  test('a place that was reserved counts from when it was reserved', () => {
    const queue = new EventQueue<string>();
    const early = queue.reserve();
    queue.push(5, 1, 'pushed first');
    queue.push(5, 1, 'reserved first', early);
    expect([queue.pop(), queue.pop()]).toEqual(['reserved first', 'pushed first']);
  });

  test('keeps the order of a hundred thousand, which is more than it has room for at first', () => {
    const queue = new EventQueue<number>();
    const count = 100_000;
    for (let index = 0; index < count; index++) queue.push((index * 7919) % count, index % 97, index);
    let last = -1;
    for (let index = 0; index < count; index++) {
      queue.pop();
      expect(queue.atMs >= last).toBe(true);
      last = queue.atMs;
    }
  });
});
