/** Peers under test with everything their handlers were told, and promises for what they will be told. */
import type {
  Frame,
  Greeting,
  Transport,
  TransportHandlers,
  TransportRefusal,
} from '../../src/transport/transport.ts';

export type Told =
  | { kind: 'linkUp'; peer: number; greeting: Greeting }
  | { kind: 'linkDown'; peer: number; reason: string }
  | { kind: 'unreachable'; peer: number; reason: string }
  | { kind: 'frame'; peer: number; head: Uint8Array; body: Uint8Array }
  | { kind: 'control'; peer: number; message: Uint8Array }
  | { kind: 'refused'; peer: number | undefined; reason: TransportRefusal; detail: string }
  | { kind: 'settled'; peer: number; ok: boolean; reason: string };

export const GREETING: Greeting = { experimentDigest: 'e1', layoutDigest: 'l1', incarnation: 1, round: 0 };

/** Records what a transport tells its owner; `until` resolves once enough of it matches. */
export class Witness {
  readonly told: Told[] = [];
  #waiting: { matches: (told: Told) => boolean; count: number; resolve: (all: Told[]) => void }[] = [];

  readonly handlers: TransportHandlers = {
    linkUp: (peer, greeting) => this.#note({ kind: 'linkUp', peer, greeting }),
    linkDown: (peer, reason) => this.#note({ kind: 'linkDown', peer, reason }),
    unreachable: (peer, reason) => this.#note({ kind: 'unreachable', peer, reason }),
    frame: (peer, frame) =>
      this.#note({ kind: 'frame', peer, head: frame.head, body: frame.body[0] ?? new Uint8Array() }),
    control: (peer, message) => this.#note({ kind: 'control', peer, message }),
    refused: (peer, reason, detail) => this.#note({ kind: 'refused', peer, reason, detail }),
  };

  /** Resolves with all matching entries as soon as there are `count` of them. */
  until<Kind extends Told['kind']>(
    kind: Kind,
    matches: (told: Extract<Told, { kind: Kind }>) => boolean = () => true,
    count = 1,
  ): Promise<Extract<Told, { kind: Kind }>[]> {
    type Wanted = Extract<Told, { kind: Kind }>;
    const test = (told: Told): boolean => told.kind === kind && matches(told as Wanted);
    const already = this.told.filter(test);
    if (already.length >= count) return Promise.resolve(already as Wanted[]);
    return new Promise((resolve) => {
      this.#waiting.push({ matches: test, count, resolve: resolve as (all: Told[]) => void });
    });
  }

  count(kind: Told['kind']): number {
    return this.told.filter((told) => told.kind === kind).length;
  }

  #note(told: Told): void {
    this.told.push(told);
    const done = this.#waiting.filter((wait) => this.told.filter(wait.matches).length >= wait.count);
    this.#waiting = this.#waiting.filter((wait) => !done.includes(wait));
    for (const wait of done) wait.resolve(this.told.filter(wait.matches));
  }

  /** Sends and resolves with one outcome per peer. */
  send(transport: Transport, to: readonly number[], frame: Frame): Promise<Map<number, string>> {
    const outcomes = new Map<number, string>();
    return new Promise((resolve) => {
      transport.send(to, frame, (peer, outcome) => {
        outcomes.set(peer, outcome.ok ? 'ok' : outcome.reason);
        this.#note({ kind: 'settled', peer, ok: outcome.ok, reason: outcome.ok ? '' : outcome.reason });
        if (outcomes.size === to.length) resolve(outcomes);
      });
    });
  }
}

export interface Peer {
  readonly transport: Transport;
  readonly witness: Witness;
  addresses: readonly string[];
}

/** Starts all peers, introduces everybody to everybody, waits until every link of `edges` is up at both ends. */
export async function startAll(
  transports: readonly Transport[],
  edges: readonly (readonly [number, number])[],
  greeting: Greeting = GREETING,
): Promise<Peer[]> {
  const peers = transports.map((transport) => ({
    transport,
    witness: new Witness(),
    addresses: [] as readonly string[],
  }));
  for (const peer of peers) peer.addresses = await peer.transport.start(greeting, peer.witness.handlers);
  const directory = new Map(peers.map(({ addresses }, index) => [index, addresses] as const));
  for (const peer of peers) peer.transport.connect(directory);
  const ups = edges.flatMap(([a, b]) => [
    (peers[a] as Peer).witness.until('linkUp', ({ peer }) => peer === b),
    (peers[b] as Peer).witness.until('linkUp', ({ peer }) => peer === a),
  ]);
  await Promise.all(ups);
  return peers;
}

/** A frame whose bytes can be recognised. */
export function patterned(bytes: number, seed = 1): Frame {
  const body = new Uint8Array(bytes);
  for (let index = 0; index < bytes; index++) body[index] = (index * 31 + seed * 7 + (index >> 8)) & 255;
  return { head: Uint8Array.of(seed & 255, 2, 3), body: [body] };
}
