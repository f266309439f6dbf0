/** Underlays by name (shipped under topologies/underlays/) or from a file in any format that we read. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { parseYaml } from '../../base/document.ts';
import { InputError, ProblemsError } from '../../base/errors.ts';
import { shipped } from '../../base/shipped.ts';
import { underlayOfGml } from './gml.ts';
import { underlayOfCsv } from './measured-csv.ts';
import { isNodeLink, underlayOfNodeLink } from './node-link.ts';
import { underlayOfSndlib } from './sndlib-native.ts';
import type { Underlay } from './underlay.ts';
import { underlayOfXml } from './xml.ts';
import { underlayOfYaml } from './yaml-file.ts';

/** Shipped with Grapevine. */
export const builtInUnderlays = ['gaia', 'aws-na', 'geant', 'exodus', 'ebone'] as const;

const folder = shipped('topologies/underlays/');
const fileBytesMax = 64 * 2 ** 20;

/**
 * An underlay by built-in name or path. Throws InputError `underlay-missing`, `file-too-large`, `file-unreadable`, or
 * ProblemsError with every problem of the file and its place.
 */
export function openUnderlay(nameOrPath: string): Underlay {
  const isBuiltIn = (builtInUnderlays as readonly string[]).includes(nameOrPath.toLowerCase());
  const path = isBuiltIn ? `${folder}${nameOrPath.toLowerCase()}.yaml` : nameOrPath;
  return parseUnderlay(readText(path), isBuiltIn ? nameOrPath : path);
}

/** The underlay in a text; its format is told by how it begins. `file`: what messages call it. */
export function parseUnderlay(text: string, file: string): Underlay {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (start.startsWith('?SNDlib')) return underlayOfSndlib(text, file);
  if (start.startsWith('<')) return underlayOfXml(start, file);
  if (/^(#[^\n]*\n|Creator[^\n]*\n|Version[^\n]*\n|comment[^\n]*\n|\s)*graph\s*\[/.test(start)) {
    return underlayOfGml(text, file);
  }
  if (/\.csv$/i.test(file)) return underlayOfCsv(text, file);
  const data = start.startsWith('{') ? parseJson(text, file) : parseYaml(text, file);
  return isNodeLink(data) ? underlayOfNodeLink(data, file) : underlayOfYaml(data, file);
}

function readText(path: string): string {
  if (!existsSync(path)) {
    throw new InputError(
      'underlay-missing',
      `underlay ${path}: there is no such file, and the built-in ones are ${builtInUnderlays.join(', ')}`,
      { path },
    );
  }
  const { size } = statSync(path);
  if (size > fileBytesMax) {
    const message = `underlay ${path} has ${size} bytes; wanted at most ${fileBytesMax}: is it the right file?`;
    throw new InputError('file-too-large', message, { path, sizeBytes: size });
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const message = `underlay ${path} cannot be read; check that it is a file, and its permissions`;
    throw new InputError('file-unreadable', message, { path }, { cause });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A flow mapping of YAML begins with a brace too; its parser also knows line and column of what is wrong.
    if (text.length < 4 * 2 ** 20) return parseYaml(text, file);
    throw new ProblemsError(file, [
      { path: '', message: `not readable as JSON: ${(error as Error).message}` },
    ]);
  }
}
