/**
 * Exit codes, and errors as people and programs see them. 0 fine; 2 bad input; 3 operating fault; 4 the run ended without
 * reaching its goal; 70 a bug in Grapevine (EX_SOFTWARE of sysexits.h).
 */
import { CommanderError } from 'commander';
import { describeError, type ErrorDetails, GrapevineError } from '../base/errors.ts';

export const exitCodes = { fine: 0, badInput: 2, operatingFault: 3, goalMissed: 4, bug: 70 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** Sorts whatever a command threw; undefined where nothing went wrong (help, version). */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof CommanderError) return usageFailure(error);
  if (error instanceof GrapevineError) {
    const exitCode = error.category === 'input' ? exitCodes.badInput : exitCodes.operatingFault;
    return { exitCode, code: error.code, message: error.message, details: error.details };
  }
  const system = error as Partial<NodeJS.ErrnoException> | undefined;
  if (error instanceof Error && typeof system?.syscall === 'string') {
    return {
      exitCode: exitCodes.operatingFault,
      code: 'system-call-failed',
      message: error.message,
      details: { errno: system.code },
    };
  }
  const details = { stack: error instanceof Error ? error.stack : undefined };
  return { exitCode: exitCodes.bug, code: 'bug', message: describeError(error), details };
}

/** The failure for people, with a newline at its end. */
export function formatFailure({ exitCode, message, details }: Failure): string {
  if (exitCode !== exitCodes.bug) return `error: ${message}\n`;
  const stack = typeof details.stack === 'string' ? details.stack : message;
  return `${stack}\n\nThis is a bug in Grapevine: please report it, with the lines above and the command you ran.\n`;
}

function usageFailure(error: CommanderError): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  const message = error.message.replace(/^error: /, '');
  return { exitCode: exitCodes.badInput, code: 'usage', message, details: { usage: error.code } };
}
