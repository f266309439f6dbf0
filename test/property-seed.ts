/**
 * One seed for every property test, so that a run of the tests tells about the code and not about its luck.
 * Other cases are drawn on purpose: GRAPEVINE_TEST_SEED=7 npm test.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.GRAPEVINE_TEST_SEED ?? 1) });
