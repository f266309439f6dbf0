/** What a worker's two ends say to each other; vectors are transferred, never copied twice. */
import { AssertionError } from '../base/assert.ts';
import {
  describeError,
  type ErrorDetails,
  GrapevineError,
  InputError,
  OperatingError,
} from '../base/errors.ts';
import type { Layout, Vector } from '../params/layout.ts';
import type { EvaluationSet } from './trainer.ts';

export type Request =
  | { readonly call: 'initialParams' }
  | { readonly call: 'train'; readonly params: Vector; readonly steps: number; readonly firstStep: number }
  | { readonly call: 'gradient'; readonly params: Vector; readonly firstStep: number }
  | { readonly call: 'evaluate'; readonly params: Vector; readonly set: EvaluationSet }
  | { readonly call: 'tensorCount' }
  | { readonly call: 'snapshot' }
  | { readonly call: 'restore'; readonly snapshot: Uint8Array }
  | { readonly call: 'dispose' };

export interface NumberedRequest {
  readonly id: number;
  readonly request: Request;
}

/** The first answer, with id 0: what the trainer is. */
export interface Opening {
  readonly layout: Layout;
  readonly backend: string;
  readonly backendNote: string;
  readonly sampleCount: number;
  readonly stepsPerEpoch: number;
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorMessage };

/** An error as plain data. */
export interface ErrorMessage {
  readonly category: 'input' | 'operation' | 'bug';
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
}

export function errorToMessage(error: unknown): ErrorMessage {
  if (error instanceof GrapevineError) {
    // Details are declared JSON-serialisable; a round trip makes sure that they can be posted.
    const details = JSON.parse(JSON.stringify(error.details)) as ErrorDetails;
    return { category: error.category, code: error.code, message: error.message, details };
  }
  if (error instanceof AssertionError) {
    return { category: 'bug', code: 'assertion', message: error.message, details: {} };
  }
  return { category: 'operation', code: 'trainer-failed', message: describeError(error), details: {} };
}

export function errorFromMessage({ category, code, message, details }: ErrorMessage): Error {
  if (category === 'input') return new InputError(code, message, details);
  if (category === 'operation') return new OperatingError(code, message, details);
  return new AssertionError(message.replace(/^bug in Grapevine: /, ''));
}
