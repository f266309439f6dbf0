/** Calls a transport's handlers one after another: what a handler's own actions cause waits until it has returned. */
import type { TransportHandlers } from './transport.ts';

export interface SerialHandlers extends Required<TransportHandlers> {
  /** No handler is called from now on: the owner has stopped the transport. */
  silence(): void;
}

export function oneAtATime(handlers: TransportHandlers): SerialHandlers {
  const waiting: (() => void)[] = [];
  let running = false;
  let silenced = false;
  const run = (call: () => void): void => {
    if (silenced) return;
    waiting.push(call);
    if (running) return;
    running = true;
    try {
      for (let next = waiting.shift(); next !== undefined && !silenced; next = waiting.shift()) next();
    } finally {
      running = false;
    }
  };
  return {
    silence: () => {
      silenced = true;
    },
    linkUp: (peer, greeting) => run(() => handlers.linkUp(peer, greeting)),
    linkDown: (peer, reason) => run(() => handlers.linkDown(peer, reason)),
    unreachable: (peer, reason) => run(() => handlers.unreachable?.(peer, reason)),
    frame: (from, frame) => run(() => handlers.frame(from, frame)),
    control: (from, message) => run(() => handlers.control(from, message)),
    refused: (from, reason, detail) => run(() => handlers.refused(from, reason, detail)),
  };
}
