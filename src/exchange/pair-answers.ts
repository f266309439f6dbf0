/**
 * The responder's memory in a pair exchange: how each neighbour's last proposal was answered. A copy of it gets the same answer, be it
 * only `busy`; an average that its proposer is not known to have taken may be half an exchange, and how far it moved this peer is known.
 */
import { squaredDistance } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import type { RuleAction, RuleMessage } from './rule.ts';

export interface Proposal {
  readonly from: number;
  readonly incarnation: number;
  readonly id: number;
  /** The last own proposal to this peer whose answer its sender took. */
  readonly taken: number;
}

interface Answered {
  readonly incarnation: number;
  readonly id: number;
  /** Absent once it is known to have been taken. */
  readonly answer: RuleMessage | undefined;
  /** What this peer had after it, which nobody changes; absent where the answer was `busy`. */
  readonly average: Vector | undefined;
}

/** By neighbour. */
export type PairAnswers = Map<number, Answered>;

/** What to do about a proposal that has been answered before; undefined where it is new. */
export function answerAgain(answers: PairAnswers, proposal: Proposal): RuleAction[] | undefined {
  const { from, incarnation, id } = proposal;
  const last = answers.get(from);
  if (last?.incarnation !== incarnation || id > last.id) return undefined;
  if (id < last.id) return [{ kind: 'refuse', from, reason: 'stale' }];
  if (last.answer === undefined) return [{ kind: 'refuse', from, reason: 'duplicate' }];
  return [{ kind: 'send', to: [from], message: last.answer }];
}

/** A new proposal says what became of the answer to the one before. */
export function settle(answers: PairAnswers, { from, incarnation, taken }: Proposal): RuleAction[] {
  const last = answers.get(from);
  if (last?.incarnation !== incarnation || taken < last.id) return settleAsHalf(answers, from);
  forget(answers, from);
  return [];
}

export function remember(
  answers: PairAnswers,
  { from, incarnation, id }: Proposal,
  answer: RuleMessage,
  average: Vector | undefined,
): void {
  answers.set(from, { incarnation, id, answer, average });
}

/** False where nothing was answered that this could acknowledge. */
export function acknowledge(answers: PairAnswers, from: number, incarnation: number, id: number): boolean {
  const last = answers.get(from);
  if (last?.incarnation !== incarnation || last.id !== id) return false;
  forget(answers, from);
  return true;
}

/** A neighbour in another life asks no more for what it was answered in an earlier one. */
export function neighbourLives(answers: PairAnswers, peer: number, incarnation: number): RuleAction[] {
  return answers.get(peer)?.incarnation === incarnation ? [] : settleAsHalf(answers, peer);
}

/** This peer averaged, and the other one never said that it did. */
export function settleAsHalf(answers: PairAnswers, peer: number): RuleAction[] {
  const { answer, average } = answers.get(peer) ?? {};
  forget(answers, peer);
  const mine = answer?.vectors[0];
  if (mine === undefined || average === undefined) return [];
  return [{ kind: 'halfExchange', peer, drift: Math.sqrt(squaredDistance(mine, average)) }];
}

/** The answer need not be given again. */
function forget(answers: PairAnswers, peer: number): void {
  const last = answers.get(peer);
  if (last !== undefined) answers.set(peer, { ...last, answer: undefined, average: undefined });
}
