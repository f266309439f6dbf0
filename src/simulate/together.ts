/** Several observers of one simulation as one: each is told in turn; promises are awaited together. */
import type { SimulationObserver } from './observer.ts';

type Callbacks = { [Name in keyof SimulationObserver]: Required<SimulationObserver>[Name] };

/** Only what somebody listens to is passed on, so that a callback nobody wants costs nothing. */
export function together(observers: readonly SimulationObserver[]): SimulationObserver {
  if (observers.length === 1) return observers[0] as SimulationObserver;
  const names = new Set(observers.flatMap((observer) => Object.keys(observer) as (keyof Callbacks)[]));
  const joint: Record<string, unknown> = {};
  for (const name of names) {
    const callbacks = observers.flatMap((observer) => {
      const callback = observer[name] as ((...given: unknown[]) => unknown) | undefined;
      return callback === undefined ? [] : [callback.bind(observer)];
    });
    joint[name] = (...given: unknown[]) => {
      const pending = callbacks
        .map((callback) => callback(...given))
        .filter((answer) => answer !== undefined);
      return pending.length === 0
        ? undefined
        : Promise.all(pending).then((answers) => answers.some((answer) => answer === true));
    };
  }
  return joint as SimulationObserver;
}
