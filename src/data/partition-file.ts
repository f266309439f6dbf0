/** Explicit index lists: `{"silo-0": [0-based indices of training samples], …}`. */
import { type Problem, ProblemsError } from '../base/errors.ts';
import { dataPath, readDataFile } from './file.ts';
import type { Silos } from './split.ts';

const SILO_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

interface FileBounds {
  readonly sampleCount: number;
  readonly siloCount: number | undefined;
  readonly overlap: boolean;
}

/** Reads and checks a partition file; silos are in the file's order. ProblemsError, InputError `data-file-missing`. */
export async function readPartitionFile(
  baseFolder: string,
  path: string,
  bounds: FileBounds,
): Promise<Silos> {
  const absolute = dataPath(baseFolder, path);
  const text = new TextDecoder().decode(await readDataFile(absolute));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProblemsError(absolute, [{ path: '', message: `is not JSON: ${(error as Error).message}` }]);
  }
  return checkPartition(absolute, value, bounds);
}

function checkPartition(file: string, value: unknown, bounds: FileBounds): Silos {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = 'must be an object such as {"silo-0": [0, 1], "silo-1": [2]}';
    throw new ProblemsError(file, [{ path: '', message }]);
  }
  const entries = Object.entries(value as Record<string, unknown>);
  const problems: Problem[] = [];
  if (entries.length === 0 || (bounds.siloCount !== undefined && bounds.siloCount !== entries.length)) {
    problems.push({
      path: '',
      message: `has ${entries.length} silos, wanted ${bounds.siloCount ?? 'at least one'}`,
      suggestion: 'change data.silos or the file',
    });
  }
  const owners = new Map<number, string>();
  for (const [name, indices] of entries) {
    const problem = listProblem(name, indices, bounds, owners);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw new ProblemsError(file, problems);
  return { names: entries.map(([name]) => name), silos: entries.map(([, indices]) => indices as number[]) };
}

/** The first thing wrong with one silo's list; notes whose each index is. */
function listProblem(
  name: string,
  indices: unknown,
  { sampleCount, overlap }: FileBounds,
  owners: Map<number, string>,
): Problem | undefined {
  if (!SILO_NAME.test(name)) {
    return { path: name, message: 'is no silo name: up to 63 letters, digits, ".", "_" and "-"' };
  }
  if (!Array.isArray(indices)) return { path: name, message: 'is not a list of indices' };
  for (const [at, index] of indices.entries()) {
    const path = `${name}.${at}`;
    if (!Number.isInteger(index) || index < 0 || index >= sampleCount) {
      const message = `is ${JSON.stringify(index)}, wanted an integer from 0 to ${sampleCount - 1}`;
      return { path, message, suggestion: 'indices count the usable training samples from 0' };
    }
    const owner = owners.get(index);
    if (owner !== undefined && !overlap) {
      const suggestion = 'remove one, or set overlap: true';
      return { path, message: `sample ${index} is already in ${owner}`, suggestion };
    }
    owners.set(index, name);
  }
  return undefined;
}
