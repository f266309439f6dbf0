/** The public door of the Transport seam; libp2p stands behind its own door, libp2p/index.ts, so that simulations never load it. */

export { type MemoryNetwork, type MemoryNetworkOptions, memoryNetwork } from './memory/index.ts';
export type {
  Frame,
  FrameLimits,
  Greeting,
  SendOutcome,
  Transport,
  TransportCounters,
  TransportHandlers,
  TransportRefusal,
} from './transport.ts';
