/** Exchange rules: how peers mix what they learned. */
export * from './registry.ts';
export type * from './rule.ts';
