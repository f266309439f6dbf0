/** The operating system's refusals as typed errors. */
import { OperatingError } from '../base/errors.ts';

type StorageErrorCode = 'storage-full' | 'storage-read-only' | 'storage-failed';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const READ_ONLY = new Set(['EROFS', 'EACCES', 'EPERM']);

/** The typed error for a failed operation on `path`. */
export function storageError(doing: string, path: string, cause: unknown): OperatingError<StorageErrorCode> {
  if (cause instanceof OperatingError) return cause as OperatingError<StorageErrorCode>;
  const osCode = (cause as NodeJS.ErrnoException | undefined)?.code;
  const details = { path, osCode };
  if (osCode !== undefined && FULL.has(osCode)) {
    return new OperatingError(
      'storage-full',
      `cannot ${doing} ${path}: the disk is full (${osCode}); free some space and start again, the run resumes`,
      details,
      { cause },
    );
  }
  if (osCode !== undefined && READ_ONLY.has(osCode)) {
    return new OperatingError(
      'storage-read-only',
      `cannot ${doing} ${path}: not writable (${osCode}); choose another folder or mend its permissions`,
      details,
      { cause },
    );
  }
  return new OperatingError(
    'storage-failed',
    `cannot ${doing} ${path} (${osCode ?? 'unknown cause'}); the folder must exist, be reachable and hold plain files`,
    details,
    { cause },
  );
}
