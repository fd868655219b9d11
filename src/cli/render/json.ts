import type { JsonValue } from '../../errors.js';
import { gathered } from './gathered.js';

/** An object that can be printed as a JSON document. */
export type JsonObject = { readonly [key: string]: JsonMember | undefined };

type JsonMember = JsonValue | JsonList | JsonObject | readonly JsonMember[];

/** An array whose items are made as they are written: there may be millions. */
export class JsonList {
  readonly items: Iterable<JsonValue>;

  constructor(items: Iterable<JsonValue>) {
    this.items = items;
  }
}

/**
 * JSON with two spaces of indent. Unlike JSON.stringify it writes a bigint as an exact integer, and it
 * refuses what JSON cannot hold (NaN, infinities) instead of turning it into null.
 */
export function stringifyJson(value: JsonMember, indent = ''): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) {
        throw new RangeError(`${value} cannot be written as JSON`);
      }
      return JSON.stringify(value);
    default:
      return value === null ? 'null' : container(value, indent);
  }
}

/** The same document in pieces, for output that may be long. Ends with a newline. */
export function jsonPieces(document: JsonObject): Generator<string> {
  return gathered(lineOf(document));
}

function* lineOf(document: JsonObject): Generator<string> {
  yield* parts(document, '', 2);
  yield '\n';
}

/** Takes containers apart down to a depth: below it, elements are small and are written in one go. */
function* parts(value: JsonMember, indent: string, depth: number): Generator<string> {
  if (value instanceof JsonList) {
    yield* listParts(value, indent);
    return;
  }
  if (typeof value !== 'object' || value === null || depth === 0) {
    yield stringifyJson(value, indent);
    return;
  }
  const items = entries(value);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (items.length === 0) {
    yield `${open}${close}`;
    return;
  }
  const inner = `${indent}  `;
  let separator = open;
  for (const [prefix, item] of items) {
    yield `${separator}\n${inner}${prefix}`;
    yield* parts(item, inner, depth - 1);
    separator = ',';
  }
  yield `\n${indent}${close}`;
}

function* listParts({ items }: JsonList, indent: string): Generator<string> {
  const inner = `${indent}  `;
  let isEmpty = true;
  for (const item of items) {
    yield `${isEmpty ? '[' : ','}\n${inner}${stringifyJson(item, inner)}`;
    isEmpty = false;
  }
  yield isEmpty ? '[]' : `\n${indent}]`;
}

function container(value: JsonMember & object, indent: string): string {
  if (value instanceof JsonList) return [...listParts(value, indent)].join('');
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const items = entries(value);
  if (items.length === 0) {
    return `${open}${close}`;
  }
  const inner = `${indent}  `;
  const lines = items.map(([prefix, item]) => `${inner}${prefix}${stringifyJson(item, inner)}`);
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

/** The members of an array or object with what is written before each; undefined members are left out. */
function entries(value: Exclude<JsonMember & object, JsonList>): readonly (readonly [string, JsonMember])[] {
  if (isArray(value)) {
    return value.map((item) => ['', item] as const);
  }
  const members: (readonly [string, JsonMember])[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) {
      members.push([`${JSON.stringify(key)}: `, item]);
    }
  }
  return members;
}

/** Array.isArray does not narrow a readonly array. */
function isArray(value: JsonMember): value is readonly JsonMember[] {
  return Array.isArray(value);
}
