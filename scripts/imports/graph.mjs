/** The DAG of src/'s folders, drawn from the imports that are there; it stands between two marks in ARCHITECTURE.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../set-up/paths.mjs';

const path = join(root, 'ARCHITECTURE.md');
const START = '<!-- imports: written by npm run graph -->';
const END = '<!-- imports: end -->';

/**
 * @param {object[]} modules as dependency-cruiser reports them
 * @returns {string} a mermaid graph: what each folder imports, less what follows from the other arrows
 */
export function mermaid(modules) {
  const imports = new Map();
  for (const { source, dependencies } of modules) {
    for (const { resolved } of dependencies) {
      const [from, to] = [folderOf(source), folderOf(resolved)];
      if (from && to && from !== to) imports.set(from, (imports.get(from) ?? new Set()).add(to));
    }
  }
  const lines = [...imports].flatMap(([from, targets]) =>
    [...targets]
      .filter(
        (to) =>
          !leads(
            imports,
            [...targets].filter((other) => other !== to),
            to,
          ),
      )
      .map((to) => `  ${from} --> ${to}`),
  );
  return ['```mermaid', 'graph TD', ...lines.sort(), '```'].join('\n');
}

/** Writes the graph between its marks. */
export function writeGraph(graph) {
  const [before, , after] = split();
  writeFileSync(path, `${before}${START}\n${graph}\n${END}${after}`);
}

/** @returns {boolean} whether ARCHITECTURE.md draws what the code imports */
export function graphIsFresh(graph) {
  return split()[1].trim() === graph;
}

function split() {
  const text = readFileSync(path, 'utf8');
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`ARCHITECTURE.md lacks the lines "${START}" and "${END}".`);
  return [text.slice(0, start), text.slice(start + START.length, end), text.slice(end + END.length)];
}

function folderOf(file) {
  const [top, second] = file.split('/');
  return top === 'src' ? second : undefined;
}

/** Whether an import path leads from any of these folders to the goal. */
function leads(imports, folders, goal, seen = new Set()) {
  return folders.some((folder) => {
    if (folder === goal) return true;
    if (seen.has(folder)) return false;
    seen.add(folder);
    return leads(imports, [...(imports.get(folder) ?? [])], goal, seen);
  });
}
