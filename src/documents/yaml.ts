/**
 * YAML as documents of ours use it: data that could as well be JSON, in which every node knows its line and column.
 *
 * What YAML has beyond that is refused: anchors and aliases (a few lines can stand for gigabytes), tags, several
 * documents in one file, keys that are no strings, a key twice. YAML 1.2 core schema, so `yes` and `no` stay text.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from 'yaml';
import type { JsonValue } from '../domain/json.ts';

/** Bytes of UTF-8 in one document. */
export const DOCUMENT_BYTES_MAX = 65_536;

/** Collections within collections; canonical JSON, under which documents are hashed, ends at 32. */
const DEPTH_MAX = 30;
const TOO_DEEP = 'the document is nested too deeply here; flatten it';
/** More faults than that in one document have one cause. */
const FAULTS_MAX = 20;

/** Something that is wrong, and where. Lines and columns count from 1. */
export interface DocumentFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong and what to do. */
  readonly message: string;
}

export interface YamlDocument {
  readonly value: JsonValue;
  /**
   * A fault at the node to which these members and indexes lead, or at the nearest one above it that is there.
   * A fault about a member's name stands at the name.
   */
  faultAt(
    at: readonly (string | number)[],
    message: string,
    place?: 'key' | 'value',
  ): DocumentFault;
}

/** `file:line:column: message`, the form that editors and terminals jump to. */
export function printFault({ file, line, column, message }: DocumentFault): string {
  return `${file}:${line}:${column}: ${message}`;
}

export function readYaml(
  file: string,
  text: string,
): YamlDocument | { readonly faults: readonly DocumentFault[] } {
  const lines = new LineCounter();
  const faultAtOffset = (offset: number, message: string): DocumentFault => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message };
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > DOCUMENT_BYTES_MAX) {
    const message = `the document has ${bytes} bytes; at most ${DOCUMENT_BYTES_MAX} are read, split it`;
    return { faults: [faultAtOffset(0, message)] };
  }
  const [document, second] = parse(text, lines);
  if (document === undefined || document.contents === null) {
    return { faults: [faultAtOffset(0, 'the document is empty')] };
  }
  const faults = document.errors
    .slice(0, FAULTS_MAX)
    .map(({ pos, message }) => faultAtOffset(pos[0], sentenceOf(message)));
  if (second !== undefined) {
    faults.push(faultAtOffset(second.range[0], 'write one document in one file'));
  }
  const root: Node = document.contents;
  faults.push(...refusals(root).map(({ node, message }) => faultAtOffset(offsetOf(node), message)));
  if (faults.length > 0) return { faults };
  return {
    value: document.toJS({ maxAliasCount: 0 }) as JsonValue,
    faultAt: (at, message, place = 'value') =>
      faultAtOffset(offsetOf(find(root, at, place)), message),
  };
}

function parse(text: string, lines: LineCounter): readonly Document.Parsed[] {
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
  });
  return Array.isArray(documents) ? documents : [];
}

/** The parser's own words, but for a document so deep that its stack ended. */
function sentenceOf(message: string): string {
  return message.includes('call stack') ? TOO_DEEP : message.split('\n')[0]!;
}

/** Nodes that are YAML but no data, or that JSON cannot say. */
function refusals(root: Node): { node: Node; message: string }[] {
  const found: { node: Node; message: string }[] = [];
  visit(root, {
    Node: (_, node, ancestors) => {
      const message = refusalOf(node) ?? (depthOf(ancestors) > DEPTH_MAX ? TOO_DEEP : undefined);
      if (message === undefined) return undefined;
      found.push({ node, message });
      return found.length < FAULTS_MAX ? visit.SKIP : visit.BREAK;
    },
  });
  return found;
}

const depthOf = (ancestors: readonly unknown[]): number => ancestors.filter(isCollection).length;

function refusalOf(node: Node): string | undefined {
  if (isAlias(node)) return 'aliases are not read; write the value out';
  if (node.anchor !== undefined) return 'anchors are not read; remove it';
  if (node.tag !== undefined) return 'tags are not read; remove it';
  if (!isScalar(node)) return undefined;
  const { value } = node;
  if (typeof value === 'string') {
    const isStorable = value.isWellFormed() && !value.includes('\u0000');
    return isStorable ? undefined : 'remove U+0000 and lone surrogates from the text';
  }
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return 'write a number that is finite';
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? 'write a number beyond 2^53 - 1 as a string; it would change'
    : undefined;
}

/** The node at the end of `at`, or the last one on the way. */
function find(root: Node, at: readonly (string | number)[], place: 'key' | 'value'): Node {
  let node = root;
  for (const [index, step] of at.entries()) {
    const items: readonly unknown[] = 'items' in node ? (node.items as unknown[]) : [];
    const item =
      typeof step === 'number'
        ? items[step]
        : items.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === step);
    const wantsKey = place === 'key' && index === at.length - 1;
    const next: unknown = isPair(item) ? (wantsKey ? item.key : (item.value ?? item.key)) : item;
    if (!isNode(next)) return node;
    node = next;
  }
  return node;
}

const offsetOf = (node: Node): number => node.range?.[0] ?? 0;
