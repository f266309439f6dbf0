/** Message layouts, bounds, encode and decode. */
export type * from './frame.ts';
export * from './message.ts';
