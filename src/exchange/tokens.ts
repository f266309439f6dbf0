/**
 * Token accounts: how many messages a peer may send, by what it saved up (Danner, Jelasity 2018, "Token account algorithms: the best
 * of the proactive and reactive worlds", §3). Once a period the account of balance a sends with probability PROACTIVE(a), else it
 * saves one token; a message that arrives is answered by REACTIVE(a, useful) more, which are taken from the account. With capacity C
 * and reactivity A:
 *   simple       PROACTIVE = [a ≥ C]                                   REACTIVE = [a > 0]
 *   generalised  PROACTIVE = [a ≥ C]                                   REACTIVE = ⌊(A − 1 + a)/A⌋, not useful: ⌊(A − 1 + a)/(2A)⌋
 *   randomised   PROACTIVE = clamp((a − A + 1)/(C − A + 1), 0, 1)      REACTIVE = a/A rounded at random to a neighbour, not useful: 0
 */

export const ACCOUNT_KINDS = ['simple', 'generalised', 'randomised'] as const;

export interface TokenAccount {
  readonly kind: (typeof ACCOUNT_KINDS)[number];
  /** C: with this balance or more a peer always sends of its own accord. */
  readonly capacity: number;
  /** A ≤ C: the greater, the more a peer saves. */
  readonly reactivity: number;
}

/** Probability that the period's message is sent, by the balance. */
export function proactive({ kind, capacity, reactivity }: TokenAccount, balance: number): number {
  if (kind !== 'randomised') return balance >= capacity ? 1 : 0;
  return Math.min(1, Math.max(0, (balance - reactivity + 1) / (capacity - reactivity + 1)));
}

/** Mean number of messages sent on one that arrived; at most the balance. A fraction is rounded at random by the caller. */
export function reactive({ kind, reactivity }: TokenAccount, balance: number, useful: boolean): number {
  switch (kind) {
    case 'simple':
      return balance > 0 ? 1 : 0;
    case 'generalised':
      return Math.floor((reactivity - 1 + balance) / (useful ? reactivity : 2 * reactivity));
    case 'randomised':
      return useful ? balance / reactivity : 0;
  }
}
