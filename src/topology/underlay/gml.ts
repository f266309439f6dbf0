/**
 * GML (Himsolt 1997), as Topology Zoo and networkx write it: `graph [ node [ id 0 label "x" … ] edge [ source 0 … ] ]`.
 * Keys and values in brackets, nothing else; what is not needed is skipped. Names of attributes: attributes.ts.
 */
import { ProblemsError } from '../../base/errors.ts';
import { type Attributes, linkOf, nodeOf } from './attributes.ts';
import { checkedUnderlay } from './checked.ts';
import type { Underlay } from './underlay.ts';

type Value = number | string | Block;
interface Block {
  readonly line: number;
  readonly entries: { readonly key: string; readonly value: Value }[];
}

const depthMax = 20;

/** Throws ProblemsError: syntax with its line, or every problem of the content. */
export function underlayOfGml(text: string, file: string): Underlay {
  const graph = blocksOf(parse(text, file), 'graph')[0];
  if (graph === undefined) throw new ProblemsError(file, [{ path: '', message: 'no `graph [ … ]` in it' }]);
  const plain = attributesOf(graph);
  return checkedUnderlay(
    {
      name: String(plain.label ?? plain.Network ?? plain.name ?? file),
      ...(plain.Source === undefined ? {} : { source: String(plain.Source) }),
      directed: plain.directed === 1,
      nodes: blocksOf(graph, 'node').map((node) => {
        const attributes = attributesOf(node);
        return nodeOf(String(attributes.id), attributes, `node of line ${node.line}`);
      }),
      links: blocksOf(graph, 'edge').map((edge) => {
        const attributes = attributesOf(edge);
        const ends = [String(attributes.source), String(attributes.target)] as const;
        return linkOf(...ends, attributes, `edge of line ${edge.line}`);
      }),
    },
    file,
  );
}

function blocksOf(block: Block, key: string): Block[] {
  return block.entries.flatMap((entry) =>
    entry.key === key && typeof entry.value === 'object' ? [entry.value] : [],
  );
}

function attributesOf(block: Block): Attributes {
  return Object.fromEntries(
    block.entries.filter(({ value }) => typeof value !== 'object').map(({ key, value }) => [key, value]),
  );
}

function parse(text: string, file: string): Block {
  const root: Block = { line: 1, entries: [] };
  const open = [root];
  let key: string | undefined;
  const fail = (line: number, message: string) =>
    new ProblemsError(file, [{ path: `line ${line}`, message }]);
  for (const { token, line, quoted } of tokensOf(text)) {
    const block = open.at(-1)!;
    if (key === undefined) {
      if (token === ']' && open.length > 1) open.pop();
      else if (quoted || !/^[A-Za-z_]\w*$/.test(token)) throw fail(line, `got ${token}, wanted a key or ]`);
      else key = token;
      continue;
    }
    if (token === '[' && !quoted) {
      if (open.length > depthMax) throw fail(line, `brackets nested deeper than ${depthMax}`);
      const inner: Block = { line, entries: [] };
      block.entries.push({ key, value: inner });
      open.push(inner);
    } else if (token === ']' && !quoted) throw fail(line, `the key ${key} has no value`);
    else block.entries.push({ key, value: quoted ? token : plainValue(token) });
    key = undefined;
  }
  if (open.length > 1 || key !== undefined) throw fail(text.split('\n').length, 'ends inside a bracket');
  return root;
}

/** networkx writes NAN and INF; both are refused later, by name. */
function plainValue(token: string): number | string {
  const number = Number(token);
  return Number.isNaN(number) && !/^[+-]?(nan|inf)/i.test(token) ? token : number;
}

function* tokensOf(text: string): Generator<{ token: string; line: number; quoted: boolean }> {
  let line = 0;
  let quote: { text: string; line: number } | undefined;
  for (const row of text.split('\n')) {
    line++;
    let rest = row;
    if (quote === undefined && /^\s*#/.test(rest)) continue;
    while (rest.trim() !== '' || quote !== undefined) {
      if (quote !== undefined) {
        const end = rest.indexOf('"');
        quote.text += end < 0 ? `${rest} ` : rest.slice(0, end);
        if (end < 0) break;
        yield { token: unescaped(quote.text), line: quote.line, quoted: true };
        quote = undefined;
        rest = rest.slice(end + 1);
        continue;
      }
      rest = rest.trimStart();
      if (rest.startsWith('"')) {
        quote = { text: '', line };
        rest = rest.slice(1);
        continue;
      }
      const token = /^(\[|\]|[^\s[\]"]+)/.exec(rest)![0];
      yield { token, line, quoted: false };
      rest = rest.slice(token.length);
    }
  }
}

/** Character references, as networkx writes them. */
function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replaceAll(/&(#\d{1,7}|\w+);/g, (whole, name: string) => {
    const code = Number(name.slice(1));
    if (name.startsWith('#')) return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return named[name] ?? whole;
  });
}
