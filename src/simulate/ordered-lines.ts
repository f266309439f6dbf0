/** Lines of a log whose order is that of virtual time, although what some of them say is known a moment later (an evaluation). */

interface Held {
  /** Undefined while it is not known yet. */
  lines: readonly string[] | undefined;
  readonly peer: number;
}

export class OrderedLines {
  readonly #append: (peer: number, line: string) => void;
  #queue: Held[] = [];
  /** Where lines go that are written now; undefined: to the end. */
  #filling: string[] | undefined;

  constructor(append: (peer: number, line: string) => void) {
    this.#append = append;
  }

  push(peer: number, line: string): void {
    if (this.#filling !== undefined) this.#filling.push(line);
    else if (this.#queue.length === 0) this.#append(peer, line);
    else this.#queue.push({ peer, lines: [line] });
  }

  /** Keeps a place; what `write` pushes while it is filled goes there, and what waited behind it follows. */
  hold(peer: number): (write: () => void) => void {
    const held: Held = { peer, lines: undefined };
    this.#queue.push(held);
    return (write) => {
      const lines: string[] = [];
      this.#filling = lines;
      write();
      this.#filling = undefined;
      held.lines = lines;
      this.#drain();
    };
  }

  #drain(): void {
    const unknown = this.#queue.findIndex(({ lines }) => lines === undefined);
    const known = unknown < 0 ? this.#queue : this.#queue.slice(0, unknown);
    this.#queue = unknown < 0 ? [] : this.#queue.slice(unknown);
    for (const { peer, lines = [] } of known) for (const line of lines) this.#append(peer, line);
  }
}
