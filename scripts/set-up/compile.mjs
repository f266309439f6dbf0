/** Compiles native code with one compiler call into the cache, and puts it where it is looked for: whole or absent. */
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { find, run } from './command.mjs';
import { cacheFolder } from './paths.mjs';
import { step } from './progress.mjs';

/** @returns {string | undefined} a C++17 compiler, if there is one: CXX, g++, c++, clang++ */
export function findCompiler() {
  const { CXX } = process.env;
  return [CXX, 'g++', 'c++', 'clang++']
    .map((name) => (name ? find(name) : undefined))
    .find((path) => path !== undefined);
}

/**
 * @param {string} title what is being compiled, as people say it
 * @param {string} compiler
 * @param {string[]} args all but the output
 * @param {string} target a file in the cache
 */
export async function compile(title, compiler, args, target) {
  const partial = mkdtempSync(join(cacheFolder(), `.partial-${process.pid}-`));
  const output = join(partial, basename(target));
  try {
    await step(`Compiling ${title}`, () => run(compiler, [...args, '-o', output]));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(output, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Copies a compiled file from the cache. */
export function place(cached, target) {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(cached, `${target}.partial`);
  renameSync(`${target}.partial`, target);
}
