/** One reading of src/ by dependency-cruiser, under the rules of .dependency-cruiser.mjs. */
import { join } from 'node:path';
import { cruise as read } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import config from '../../.dependency-cruiser.mjs';

/**
 * @param {string} folder that holds src/, tsconfig.json, package.json and node_modules
 * @returns {Promise<{modules: object[], violations: {rule: string, from: string, to: string}[]}>}
 */
export async function cruise(folder) {
  const { forbidden, options } = config;
  const tsConfig = extractTsConfig(join(folder, options.tsConfig.fileName));
  const before = process.cwd();
  process.chdir(folder);
  try {
    const { output } = await read(
      ['src'],
      { ...options, ruleSet: { forbidden }, validate: true },
      options.enhancedResolveOptions,
      { tsConfig },
    );
    const violations = output.summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
    return { modules: output.modules, violations };
  } finally {
    process.chdir(before);
  }
}
