/** A running silo follows its membership file: a newer signed edition takes effect at once, any other is refused and said so. */
import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../base/clock.ts';
import { GrapevineError } from '../base/errors.ts';
import type { Silo } from '../experiment/index.ts';
import { type EditionChange, type Membership, nextEdition, verifyMembership } from '../identity/index.ts';
import { fileStorage } from '../storage/index.ts';

/**
 * How often the file is read: it may be replaced, or lie on a network disk; and a watcher of files would not tell of what was changed
 * between the reading at the start and its own first look.
 */
const LOOK_MS = 1_000;
const EDITION_FILE = 'membership-edition';

export interface MembershipWatch {
  close(): void;
}

interface Hooks {
  readonly changed: (change: EditionChange) => void;
  readonly refused: (message: string) => void;
}

/** Keeps the edition's number in the run folder. InputError `membership-outdated` for an older one than was seen there. */
export async function keepEdition(
  { runFolder, members, operator }: Silo,
  edition: Membership,
): Promise<void> {
  const storage = fileStorage(runFolder);
  const bytes = await storage.read(EDITION_FILE);
  const seen = bytes === undefined ? 0 : Number.parseInt(new TextDecoder().decode(bytes), 10);
  if (Number.isSafeInteger(seen)) verifyMembership(edition, { operator, sequenceMin: seen }, members);
  if (edition.sequence !== seen)
    await storage.write(EDITION_FILE, new TextEncoder().encode(`${edition.sequence}\n`));
}

/** Looks at once and then every LOOK_MS, at what the file says and not at its times. */
export function watchMembership(silo: Silo, first: Membership, clock: Clock, hooks: Hooks): MembershipWatch {
  const { members: file, operator } = silo;
  let current = first;
  let closed = false;
  let timer: Timer | undefined;
  /** What was seen last, whether that is settled, and what was wrong with it, which is told once. */
  let seen: string | undefined;
  let isSettled = false;
  let problem: string | undefined;
  const look = async (): Promise<void> => {
    const content = await readFile(file, 'utf8');
    if (closed || (content === seen && isSettled)) return;
    if (content !== seen) problem = undefined;
    seen = content;
    isSettled = true;
    const change = nextEdition(content, file, current, { operator, experiment: first.experiment });
    if (change === undefined) return;
    // What cannot be written down is tried again at the next look, and not in force before.
    isSettled = false;
    await keepEdition(silo, change.membership);
    isSettled = true;
    current = change.membership;
    if (!closed) hooks.changed(change);
  };
  const refuse = (error: unknown): void => {
    const reason = reasonOf(error);
    if (!closed && reason !== problem) hooks.refused(reason);
    problem = reason;
  };
  const goOn = async (): Promise<void> => {
    await look().catch(refuse);
    if (!closed) timer = clock.after(LOOK_MS, goOn);
  };
  void goOn();
  return {
    close: () => {
      closed = true;
      timer?.cancel();
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof GrapevineError) return error.message;
  return `the membership cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
