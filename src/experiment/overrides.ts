/** `--set path=value` on the command line: changes the data of a file before it is checked; values are YAML. */
import { parse } from 'yaml';
import type { Problem } from '../base/errors.ts';

/** A copy of `data` with every override applied in order, and what is wrong with the overrides. */
export function applyOverrides(
  data: unknown,
  overrides: readonly string[],
): { readonly data: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  let changed: unknown = data ?? {};
  for (const override of overrides) {
    const parsed = parseOverride(override);
    if (typeof parsed === 'string') problems.push({ path: `--set ${override}`, message: parsed });
    else changed = withValue(changed, parsed.path, parsed.value);
  }
  return { data: changed, problems };
}

function parseOverride(override: string): { path: string[]; value: unknown } | string {
  const split = override.indexOf('=');
  const path = override.slice(0, Math.max(0, split)).trim().split('.');
  if (split < 0 || path.some((key) => key === '')) {
    return 'wanted path=value, such as train.learningRate=0.05';
  }
  if (path.includes('__proto__')) return 'no key has this name';
  try {
    return { path, value: parse(override.slice(split + 1)) };
  } catch (error) {
    return `the value is not YAML: ${(error as Error).message.split('\n')[0]}`;
  }
}

/**
 * Lists take an index; a bare name (`model: mlp`) opens up to `{kind: mlp}` when a key inside it is set. Another `kind` takes the
 * place of its whole block: what else was there belonged to the kind that is gone.
 */
function withValue(data: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(data) && /^\d+$/.test(key)) {
    const list = [...data];
    list[Math.min(Number(key), list.length)] = withValue(data[Number(key)], rest, value);
    return list;
  }
  const block: Record<string, unknown> =
    typeof data === 'string' ? { kind: data } : typeof data === 'object' && data !== null ? { ...data } : {};
  if (key === 'kind' && rest.length === 0 && block.kind !== value) return { kind: value };
  block[key] = withValue(block[key], rest, value);
  return block;
}
