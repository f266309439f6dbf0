/** Messages of a replay on their way from who sends them to all whose logs say that they received them. */

import { messageKey } from '../peer/log.ts';
import type { MessageName } from '../peer/machine.ts';
import type { PeerMessage } from '../wire/message.ts';

export class MessageTable {
  /** How many times each message is still to be taken. */
  readonly #wanted = new Map<string, number>();
  readonly #held = new Map<string, PeerMessage>();

  /** Somebody's log has received it. */
  want(name: MessageName): void {
    const key = messageKey(name);
    this.#wanted.set(key, (this.#wanted.get(key) ?? 0) + 1);
  }

  /** It is sent, perhaps once more; nothing is kept that nobody received. */
  put(name: MessageName, message: PeerMessage): void {
    const key = messageKey(name);
    if (this.#wanted.has(key)) this.#held.set(key, message);
  }

  /** The message, if it has been sent; the last who takes it takes it away. */
  take(name: MessageName): PeerMessage | undefined {
    const key = messageKey(name);
    const message = this.#held.get(key);
    if (message === undefined) return undefined;
    const left = (this.#wanted.get(key) ?? 1) - 1;
    if (left > 0) {
      this.#wanted.set(key, left);
    } else {
      this.#wanted.delete(key);
      this.#held.delete(key);
    }
    return message;
  }

  /** Messages in memory. */
  get size(): number {
    return this.#held.size;
  }
}
