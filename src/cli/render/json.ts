import type { JsonValue } from '../../errors.js';

/** An object that can be printed as a JSON document. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** Text is handed on in pieces of about this many characters, so that a large document is never one string. */
const PIECE = 65536;

/**
 * JSON with two spaces of indent. Unlike JSON.stringify it writes a bigint as an exact integer, and it
 * refuses what JSON cannot hold (NaN, infinities) instead of turning it into null.
 */
export function stringifyJson(value: JsonValue, indent = ''): string {
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
export function* jsonPieces(document: JsonObject): Generator<string> {
  let pending = '';
  for (const piece of parts(document, '', 2)) {
    pending += piece;
    if (pending.length >= PIECE) {
      yield pending;
      pending = '';
    }
  }
  yield `${pending}\n`;
}

/** Takes containers apart down to a depth: below it, elements are small and are written in one go. */
function* parts(value: JsonValue, indent: string, depth: number): Generator<string> {
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

function container(value: JsonValue & object, indent: string): string {
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
function entries(value: JsonValue & object): readonly (readonly [string, JsonValue])[] {
  if (isArray(value)) {
    return value.map((item) => ['', item] as const);
  }
  const members: (readonly [string, JsonValue])[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) {
      members.push([`${JSON.stringify(key)}: `, item]);
    }
  }
  return members;
}

/** Array.isArray does not narrow a readonly array. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
