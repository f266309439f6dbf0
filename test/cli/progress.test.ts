import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { Progress } from '../../src/cli/progress.ts';

/** Time that a test moves by hand. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; action: () => void }[] = [];
  now = () => this.#now;
  calendar = () => undefined;
  after(delayMs: number, action: () => void) {
    const timer = { at: this.#now + delayMs, action };
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
    return { cancel };
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { action } of due) action();
  }
}

let clock: HandClock;
let written: string;
const stream = (isTTY: boolean) => ({
  isTTY,
  columns: 20,
  write: (text: string): void => {
    written += text;
  },
});
beforeEach(() => {
  clock = new HandClock();
  written = '';
});

describe('progress', () => {
  it('writes plain lines at most once a second, the newest of those held back, and the last at the end', () => {
    const progress = new Progress(stream(false), clock, false);
    for (let round = 1; round <= 5; round++) {
      progress.update(`round ${round}`);
      clock.advance(300);
    }
    expect(written).toBe('round 1\nround 4\n');
    progress.done();
    expect(written).toBe('round 1\nround 4\nround 5\n');
    clock.advance(5000);
    expect(written).toBe('round 1\nround 4\nround 5\n');
  });

  it('redraws one line on a terminal, cut to its width, and ends it', () => {
    const progress = new Progress(stream(true), clock, false);
    progress.update('round 1');
    clock.advance(200);
    progress.update('a line longer than twenty columns');
    progress.done();
    expect(written).toBe('\r\u001b[2Kround 1\r\u001b[2Ka line longer than…\n');
  });

  it('keeps a note above the live line', () => {
    const progress = new Progress(stream(true), clock, false);
    progress.update('round 1');
    progress.note('silo-3 left out');
    expect(written).toBe('\r\u001b[2Kround 1\r\u001b[2Ksilo-3 left out\nround 1');
  });

  it('says nothing when quiet', () => {
    const progress = new Progress(stream(false), clock, true);
    progress.update('round 1');
    progress.note('x');
    progress.done();
    expect(written).toBe('');
  });
});
