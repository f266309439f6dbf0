/** The file of one long-running silo (`grapevine peer SILO.yaml`): who it is, where it listens, what it may tell. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { checkAgainst, deepFreeze, parseYaml, readDocumentFile } from '../base/document.ts';
import { type Problem, ProblemsError } from '../base/errors.ts';
import { type DatasetSpec, datasetSchema, loneSiloProblems } from '../data/spec.ts';
import { publicKeyOf } from '../identity/index.ts';
import { applyOverrides } from './overrides.ts';
import { withAbsolutePaths } from './parse.ts';
import { nameSchema, testShareSchema } from './schema.ts';

const path = z.string().min(1);
const address = z
  .string()
  .regex(
    /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}$/,
    'wanted a multiaddr over TCP, such as /ip4/0.0.0.0/tcp/4001',
  );

const siloSchema = z.strictObject({
  /** This silo's name in the members file. */
  name: nameSchema,
  /** The experiment it takes part in. */
  experiment: path,
  /** The private key, made by `grapevine identity create`. */
  key: path,
  /** The signed members file. */
  members: path,
  /** Peer id of the operator whose signature on the members file counts. */
  operator: z
    .string()
    .refine((text) => publicKeyOf(text) !== undefined, 'wanted the peer id of an Ed25519 key, 12D3KooW…'),
  /** Where to accept connections; none for a silo that only dials out. */
  listen: z.array(address).max(16).default(['/ip4/0.0.0.0/tcp/0']),
  /** Addresses to tell others instead of those it listens on. */
  announce: z.array(address).max(16).default([]),
  data: z.strictObject({ dataset: datasetSchema, testShare: testShareSchema.default(0.2) }),
  /** Records, checkpoints and the final model go here. */
  runFolder: path,
  /** What other silos may learn about this one's data; nothing unless named. */
  share: z
    .strictObject({
      sizes: z.boolean().default(false),
      labelHistogram: z.boolean().default(false),
      /** On its own held-out samples. */
      accuracy: z.boolean().default(false),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** A log is rotated at this size, and so many old ones are kept. */
      logBytesMax: z
        .int()
        .min(65_536)
        .default(16 * 2 ** 20),
      logFilesKept: z.int().min(1).max(1_000).default(4),
      /** Of each other member; four seconds' worth may come at once. */
      controlMessagesPerSecond: z.number().min(1).max(1_000).default(5),
      /** Threads that training may use. */
      threads: z.int().min(1).max(1_024).default(1),
    })
    .prefault({}),
});

/** Paths in it are absolute. */
export type Silo = Readonly<Omit<z.output<typeof siloSchema>, 'data'>> & {
  readonly data: { readonly dataset: DatasetSpec; readonly testShare: number };
};

/** Reads and checks the silo file at `path`. Throws InputError `file-missing` …, or ProblemsError. */
export function loadSilo(path: string, overrides: readonly string[] = []): Silo {
  return parseSilo(readDocumentFile(path, 'silo file'), { file: path, overrides });
}

/** A silo from the text of its file. Throws ProblemsError with everything that is wrong. */
export function parseSilo(text: string, options: { file: string; overrides?: readonly string[] }): Silo {
  const { data, problems: overrideProblems } = applyOverrides(
    parseYaml(text, options.file),
    options.overrides ?? [],
  );
  const problems: Problem[] = [...overrideProblems];
  const checked = checkAgainst(siloSchema, data);
  if (!checked.ok) throw new ProblemsError(options.file, [...problems, ...checked.problems]);
  const silo = checked.value;
  for (const problem of loneSiloProblems(silo.data.dataset)) {
    problems.push({ ...problem, path: `data.dataset.${problem.path}` });
  }
  if (problems.length > 0) throw new ProblemsError(options.file, problems);
  const folder = dirname(resolve(options.file));
  return deepFreeze({
    ...silo,
    experiment: resolve(folder, silo.experiment),
    key: resolve(folder, silo.key),
    members: resolve(folder, silo.members),
    runFolder: resolve(folder, silo.runFolder),
    data: { ...silo.data, dataset: withAbsolutePaths(silo.data.dataset, folder) },
  });
}
