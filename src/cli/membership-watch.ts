/** A running silo follows its membership file: a newer signed edition takes effect at once, any other is refused and said so. */
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { GrapevineError } from '../base/errors.ts';
import type { Silo } from '../experiment/index.ts';
import { type EditionChange, type Membership, nextEdition, verifyMembership } from '../identity/index.ts';
import { fileStorage } from '../storage/index.ts';

/** How often the file is looked at; it may be replaced, or lie on a network disk. */
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

export function watchMembership(silo: Silo, first: Membership, hooks: Hooks): MembershipWatch {
  const { members: file, operator } = silo;
  let current = first;
  let closed = false;
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const content = await readFile(file, 'utf8');
      const change = nextEdition(content, file, current, { operator, experiment: first.experiment });
      if (change === undefined || closed) return;
      current = change.membership;
      await keepEdition(silo, current);
      hooks.changed(change);
    } catch (error) {
      if (!closed) hooks.refused(reasonOf(error));
    }
  };
  const listener = (): void => {
    looking = looking.then(look);
  };
  watchFile(file, { interval: LOOK_MS, persistent: false }, listener);
  return {
    close: () => {
      closed = true;
      unwatchFile(file, listener);
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof GrapevineError) return error.message;
  return `the membership cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
