/**
 * The Storage seam: atomic write, append, read, under one root. Implementations: files; memory with faults (full,
 * torn, read-only). Conformance: test/storage/storage.conformance.ts.
 *
 * Paths are relative, `/`-separated, without `..`. Contract: `write` is atomic (a reader, or a crash, sees the old
 * bytes or the new ones, never a mixture) and durable when it resolves; `append` is done when it returns, and a crash
 * leaves at most one torn last line. Errors: OperatingError with code `storage-full`, `storage-read-only`, `storage-failed`.
 */
export interface Storage {
  /** The file's bytes, or undefined if there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Replaces or creates the file, parent folders included. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Appends text, parent folders included; synchronous so that a log line is out before what it caused. */
  append(path: string, text: string): void;
  /** Bytes in the file, 0 if there is none; synchronous (rotation asks before each append). */
  size(path: string): number;
  /** Moves a file over another one, atomically. */
  rename(from: string, to: string): void;
  /** File names directly under a folder, sorted; empty if there is none. */
  list(folder: string): Promise<readonly string[]>;
  remove(path: string): Promise<void>;
}
