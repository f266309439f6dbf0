/** From zod issues to problems that people can act on: what was got, what was wanted, and the nearest valid name. */
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import type { Problem } from './errors.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The parts of zod's schema definitions that finding known names needs; see zod/v4/core. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly options?: readonly Schema[];
  readonly discriminator?: string;
  readonly innerType?: Schema;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly items?: readonly Schema[];
  readonly out?: Schema;
  readonly getter?: () => Schema;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
}
type Schema = { readonly _zod: { readonly def: unknown } };

/** `base`: path of `data` inside the whole file. */
export function problemsOfIssues(
  issues: readonly Issue[],
  schema: z.ZodType,
  data: unknown,
  base: Path = [],
): Problem[] {
  const mistyped = new Set(
    issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => dotted(path)),
  );
  // Where the type is wrong, what else zod says about the value (its length, say) only confuses.
  const telling = issues.filter(({ code, path }) => code === 'invalid_type' || !mistyped.has(dotted(path)));
  return telling.flatMap((issue) => problemsOf(issue, schema, data, base));
}

/** The candidate that a mistyped name most likely meant; undefined where none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const simple = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const same = candidates.find((candidate) => simple(candidate) === simple(name));
  const best = same ?? closest(name, likest(name, candidates));
  const near = same !== undefined || distance(name, best) <= Math.max(2, Math.ceil(best.length / 3));
  return near ? best : undefined;
}

/** Of names that are equally far, the first is taken: that of the same letters (two were swapped), then that of the same length. */
function likest(name: string, candidates: readonly string[]): string[] {
  const letters = (text: string) => [...text].sort().join('');
  const unlike = (candidate: string) =>
    letters(candidate) === letters(name) ? -1 : Math.abs(candidate.length - name.length);
  return [...candidates].sort((one, other) => unlike(one) - unlike(other));
}

/** A value as people should see it in a message: short, on one line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

function dotted(path: Path): string {
  return path.map(String).join('.');
}

function problemsOf(issue: Issue, schema: z.ZodType, data: unknown, base: Path): Problem[] {
  const path = dotted([...base, ...issue.path]);
  const got = shown(valueAt(data, issue.path));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, schema, data, issue.path, base));
    case 'invalid_value':
      return [badChoice(path, valueAt(data, issue.path), issue.values.map(String))];
    case 'invalid_union':
      return unionProblems(issue, schema, data, base);
    case 'invalid_type': {
      if (valueAt(data, issue.path) === undefined) {
        return [{ path, message: `is missing; wanted ${article(issue.expected)}` }];
      }
      return [{ path, message: `got ${got}, wanted ${article(issue.expected)}` }];
    }
    case 'too_small':
      return [
        {
          path,
          message: `got ${got}, wanted ${bound(issue.origin, issue.inclusive ? 'at least' : 'more than', issue.minimum)}`,
        },
      ];
    case 'too_big':
      return [
        {
          path,
          message: `got ${got}, wanted ${bound(issue.origin, issue.inclusive ? 'at most' : 'less than', issue.maximum)}`,
        },
      ];
    case 'custom':
      return [{ path, message: issue.message }];
    default:
      return [{ path, message: `got ${got}: ${issue.message}` }];
  }
}

function unknownKey(key: string, schema: z.ZodType, data: unknown, parent: Path, base: Path): Problem {
  const known = Object.keys(definitionAt(schema, data, parent)?.shape ?? {});
  const near = nearest(key, known);
  const home = near === undefined ? homeOf(key, schema, data, parent) : undefined;
  const listed = known.length === 0 ? undefined : `known keys: ${known.join(', ')}`;
  const suggestion = home ?? (near === undefined ? listed : `did you mean ${near}?`);
  const path = dotted([...base, ...parent, key]);
  return { path, message: 'unknown key', ...(suggestion === undefined ? {} : { suggestion }) };
}

/** Where a key is good under another kind of the same block, says under which. */
function homeOf(key: string, schema: z.ZodType, data: unknown, parent: Path): string | undefined {
  const { discriminator, options = [] } = unionAt(schema, data, parent) ?? {};
  if (discriminator === undefined) return undefined;
  const shapes = options.map((option) => definitionOf(option).shape ?? {});
  const homes = shapes
    .filter((shape) => Object.hasOwn(shape, key))
    .flatMap((shape) => literalsOf(shape[discriminator]));
  return homes.length === 0 ? undefined : `it belongs to ${discriminator}: ${homes.join(' or ')}`;
}

function badChoice(path: string, got: unknown, choices: readonly string[]): Problem {
  const near = typeof got === 'string' ? nearest(got, choices) : undefined;
  const wanted = choices.length === 1 ? choices[0] : `one of ${choices.join(', ')}`;
  const message = got === undefined ? `is missing; wanted ${wanted}` : `got ${shown(got)}, wanted ${wanted}`;
  return { path, message, ...(near === undefined ? {} : { suggestion: `did you mean ${near}?` }) };
}

/** A discriminated union names its kinds; in a plain one, the branch that got furthest speaks. */
function unionProblems(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  schema: z.ZodType,
  data: unknown,
  base: Path,
): Problem[] {
  const path = dotted([...base, ...issue.path]);
  if (issue.errors.length === 0) {
    const parent = issue.path.slice(0, -1);
    const kinds = discriminatorValues(definitionAt(schema, data, parent));
    return [badChoice(path, valueAt(data, issue.path), kinds)];
  }
  const inside = issue.errors.find((branch) =>
    branch.every((error) => error.path.length > 0 || isInside(error)),
  );
  if (inside !== undefined) {
    return inside.flatMap((error) =>
      problemsOf({ ...error, path: [...issue.path, ...error.path] } as Issue, schema, data, base),
    );
  }
  const roots = issue.errors.flat().filter((error) => error.path.length === 0);
  const choices = roots.flatMap((error) => (error.code === 'invalid_value' ? error.values.map(String) : []));
  const types = roots.flatMap((error) => (error.code === 'invalid_type' ? [article(error.expected)] : []));
  const got = valueAt(data, issue.path);
  const choice = badChoice(path, got, choices);
  const wanted = [...new Set([...choices, ...types])].join(', or ');
  return [
    {
      ...choice,
      message: got === undefined ? `is missing; wanted ${wanted}` : `got ${shown(got)}, wanted ${wanted}`,
    },
  ];
}

/** Issues at the root of a union branch that still show the branch was the one meant. */
function isInside(issue: Issue): boolean {
  return issue.code !== 'invalid_type' && issue.code !== 'invalid_value';
}

function definitionOf(schema: Schema): Definition {
  const definition = schema._zod.def as Definition;
  if (definition.type === 'pipe' && definition.out !== undefined) return definitionOf(definition.out);
  if (definition.type === 'lazy' && definition.getter !== undefined) return definitionOf(definition.getter());
  return definition.innerType === undefined ? definition : definitionOf(definition.innerType);
}

/** The definition at a path, a union not yet narrowed to a branch. */
function unionAt(schema: Schema, data: unknown, path: Path): Definition | undefined {
  let definition: Definition | undefined = definitionOf(schema);
  path.forEach((key, depth) => {
    definition = childOf(branchOf(definition, valueAt(data, path.slice(0, depth))), key);
  });
  return definition;
}

function definitionAt(schema: Schema, data: unknown, path: Path): Definition | undefined {
  const definition = unionAt(schema, data, path);
  return branchOf(definition, valueAt(data, path)) ?? definition;
}

function childOf(definition: Definition | undefined, key: PropertyKey): Definition | undefined {
  const child =
    definition?.shape?.[String(key)] ??
    definition?.items?.[Number(key)] ??
    definition?.element ??
    definition?.valueType;
  return child === undefined ? undefined : definitionOf(child);
}

/** The object branch of a union that fits the data: by discriminator where there is one, else the first object. */
function branchOf(definition: Definition | undefined, data: unknown): Definition | undefined {
  if (definition?.options === undefined) return definition;
  const branches = definition.options.map(definitionOf);
  const { discriminator } = definition;
  if (discriminator === undefined) {
    const object = branches.find((branch) => branch.type === 'object' || branch.options !== undefined);
    return object?.options === undefined ? object : branchOf(object, data);
  }
  const kind = valueAt(data, [discriminator]);
  return branches.find((branch) => literalsOf(branch.shape?.[discriminator]).includes(kind)) ?? definition;
}

function discriminatorValues(definition: Definition | undefined): string[] {
  const { discriminator, options } = definition ?? {};
  if (discriminator === undefined || options === undefined) return [];
  return options.flatMap((option) => literalsOf(definitionOf(option).shape?.[discriminator]).map(String));
}

function literalsOf(schema: Schema | undefined): readonly unknown[] {
  if (schema === undefined) return [];
  const { values, entries } = definitionOf(schema);
  return values ?? (entries === undefined ? [] : Object.values(entries));
}

/** A bare name stands for `{kind: name}`, so its `kind` is the name itself; so is a bare list for `{list: …}`. */
function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value === 'string' && key === 'kind') continue;
    if (Array.isArray(value) && key === 'list') continue;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

const articles: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a block of keys',
  record: 'a block of keys',
  tuple: 'a list',
};

function article(expected: string): string {
  return articles[expected] ?? expected;
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return `${relation} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `${relation} ${limit} entries`;
  return origin === 'int' ? `a whole number ${relation} ${limit}` : `a number ${relation} ${limit}`;
}
