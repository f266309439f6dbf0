/**
 * The number of this start of a peer, greater than those before it: messages are named by it, and neighbours take a name that they know
 * for a copy. Where there is a calendar, it is at least the seconds since 1970: a peer that lost its folder, or has an old
 * copy of it, would else use names again.
 */
import type { Storage } from '../storage/storage.ts';

const INCARNATION_FILE = 'incarnation';

/** Counts this start; `calendar` is the time in ISO 8601. OperatingError as Storage. */
export async function nextIncarnation(storage: Storage, calendar: string | undefined): Promise<number> {
  const bytes = await storage.read(INCARNATION_FILE);
  const before = bytes === undefined ? 0 : Number.parseInt(new TextDecoder().decode(bytes), 10);
  const seconds = calendar === undefined ? 0 : Math.floor(Date.parse(calendar) / 1000);
  const incarnation = Math.max(Number.isSafeInteger(before) ? before + 1 : 1, seconds);
  await storage.write(INCARNATION_FILE, new TextEncoder().encode(`${incarnation}\n`));
  return incarnation;
}
