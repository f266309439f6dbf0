/**
 * GraphML and SNDlib's XML. Both through fast-xml-parser, whose defaults refuse external entities and bound the
 * expansion of internal ones; it is loaded when there is XML to read. SNDlib gives no unit for its capacities, so they are left out and the conditions' hold.
 */
import { createRequire } from 'node:module';
import { ProblemsError } from '../../base/errors.ts';
import { linkOf, nodeOf } from './attributes.ts';
import { checkedUnderlay } from './checked.ts';
import type { Underlay } from './underlay.ts';

type Xml = typeof import('fast-xml-parser');

type Element = Readonly<Record<string, unknown>>;

const lists = ['node', 'edge', 'key', 'data', 'link', 'graph'];
const sndlibNote = 'SNDlib capacities have no unit: left out, the core capacity of the conditions holds';

/** Throws ProblemsError: syntax with its line, or every problem of the content. */
export function underlayOfXml(text: string, file: string): Underlay {
  const { XMLParser, XMLValidator } = createRequire(import.meta.url)('fast-xml-parser') as Xml;
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    const { line, col, msg } = valid.err;
    throw new ProblemsError(file, [{ path: `line ${line}, column ${col}`, message: msg }]);
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    isArray: (name) => lists.includes(name),
  });
  const root = parser.parse(text) as Element;
  if (root.graphml !== undefined) return graphml(elementOf(root.graphml), file);
  if (root.network !== undefined) return sndlib(elementOf(root.network), file);
  throw new ProblemsError(file, [
    { path: '', message: `the root is ${Object.keys(root).at(-1)}; wanted graphml, or network (SNDlib)` },
  ]);
}

function graphml(root: Element, file: string): Underlay {
  const graph = elementOf(elements(root.graph)[0]);
  const names = new Map(
    elements(root.key).map((key) => [String(key['@id']), String(key['@attr.name'] ?? key['@id'])]),
  );
  const attributes = (element: Element) =>
    Object.fromEntries(
      elements(element.data).map((data) => [
        names.get(String(data['@key'])) ?? String(data['@key']),
        data['#text'] ?? '',
      ]),
    );
  return checkedUnderlay(
    {
      name: String(attributes(graph).Network ?? graph['@id'] ?? file),
      directed: graph['@edgedefault'] === 'directed',
      nodes: elements(graph.node).map((node) => {
        const id = String(node['@id']);
        return nodeOf(id, attributes(node), `node ${id}`);
      }),
      links: elements(graph.edge).map((edge, index) => {
        const ends = [String(edge['@source']), String(edge['@target'])] as const;
        return linkOf(...ends, attributes(edge), `edge ${index + 1} (${ends.join(' – ')})`);
      }),
    },
    file,
  );
}

function sndlib(root: Element, file: string): Underlay {
  const structure = elementOf(root.networkStructure);
  const nodes = elementOf(structure.nodes);
  const geographical = nodes['@coordinatesType'] === 'geographical';
  return checkedUnderlay(
    {
      name: String(elementOf(root.meta).name ?? file),
      notes: [sndlibNote],
      nodes: elements(nodes.node).map((node) => {
        const id = String(node['@id']);
        const { x, y } = elementOf(node.coordinates);
        return nodeOf(id, geographical ? { longitude: x, latitude: y } : {}, `node ${id}`);
      }),
      links: elements(elementOf(structure.links).link).map((link) =>
        linkOf(String(link.source), String(link.target), {}, `link ${String(link['@id'])}`),
      ),
    },
    file,
  );
}

function elementOf(value: unknown): Element {
  return typeof value === 'object' && value !== null ? (value as Element) : {};
}

/** A list of elements; `<data key="d0"/>` without attributes parses as text. */
function elements(value: unknown): readonly Element[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map(elementOf);
}
