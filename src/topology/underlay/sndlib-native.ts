/**
 * SNDlib's native format: `NODES ( id ( longitude latitude ) … )`, `LINKS ( id ( source target ) … )`. Its capacities
 * have no unit and are left out; other sections (demands, paths) are not about the network.
 */
import { type Problem, ProblemsError } from '../../base/errors.ts';
import { linkOf, nodeOf } from './attributes.ts';
import { checkedUnderlay } from './checked.ts';
import type { Underlay } from './underlay.ts';

/** Alike for nodes and links: a name, and two things in brackets. */
const entryLine = /^(\S+)\s*\(\s*(\S+)\s+(\S+)\s*\)/;
const note = 'SNDlib capacities have no unit: left out, the core capacity of the conditions holds';

/** Throws ProblemsError: lines that do not parse, or every problem of the content. */
export function underlayOfSndlib(text: string, file: string): Underlay {
  const problems: Problem[] = [];
  const nodes: ReturnType<typeof nodeOf>[] = [];
  const links: ReturnType<typeof linkOf>[] = [];
  let section = '';
  text.split('\n').forEach((row, index) => {
    const line = row.replace(/#.*$/, '').trim();
    const at = `line ${index + 1}`;
    const opened = /^([A-Z_]+)\s*\($/.exec(line);
    if (opened !== null) section = opened[1]!;
    else if (line === ')') section = '';
    else if (line !== '' && (section === 'NODES' || section === 'LINKS')) {
      const found = entryLine.exec(line);
      const [, id = '', one = '', other = ''] = found ?? [];
      if (found === null)
        problems.push({ path: at, message: `got ${line.slice(0, 60)}, wanted name ( … … )` });
      else if (section === 'NODES') nodes.push(nodeOf(id, { longitude: one, latitude: other }, at));
      else links.push(linkOf(one, other, {}, at));
    }
  });
  if (problems.length > 0) throw new ProblemsError(file, problems);
  const name = /^#\s*network\s+(\S+)/m.exec(text)?.[1] ?? file;
  return checkedUnderlay({ name, notes: [note], nodes, links }, file);
}
