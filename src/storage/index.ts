/** Atomic files, appended logs, and their double in memory with faults. */
export { type FileStorage, fileStorage } from './files.ts';
export { type LogLimits, type RotatingLog, rotatingLog } from './log.ts';
export { type MemoryStorage, memoryStorage, type StorageFaults } from './memory.ts';
export type { Storage } from './storage.ts';
