/** Walks a document and its schema together: which keys the schema demands, and where in the document. */
import { type Document, isObject, type Json, SCHEMAS, validatorOf } from './schemas.js';

/** A schema, or a part of one, by the file's name and the way into it. */
interface Part {
  readonly file: string;
  readonly pointer: string;
}

export interface Demand {
  /** The object in the schema: `common#/$defs/header`. */
  readonly where: string;
  readonly key: string;
  /** The way to the object in the document. */
  readonly path: readonly (string | number)[];
}

/** Everything that the schema of this name demands of a document that fits it. */
export function demandsOn(document: Document, name: string): Demand[] {
  return [...walk(document, { file: name, pointer: '' }, [])];
}

/** Everything that a schema demands anywhere, as `where key`. */
export function allDemands(name: string): string[] {
  const found: string[] = [];
  const visit = (value: unknown, pointer: string): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, `${pointer}/${index}`);
    if (!isObject(value)) return;
    for (const key of requiredOf(value)) found.push(`${name}#${pointer} ${key}`);
    for (const [key, item] of Object.entries(value)) if (key !== 'required') visit(item, `${pointer}/${key}`);
  };
  visit(SCHEMAS.get(name), '');
  return found;
}

function* walk(value: Json, part: Part, path: readonly (string | number)[]): Generator<Demand> {
  const schema = schemaAt(part);
  if (typeof schema['$ref'] === 'string') {
    yield* walk(value, follow(part, schema['$ref']), path);
    return;
  }
  const branches = schema['oneOf'];
  if (Array.isArray(branches)) {
    const fits = branches.findIndex((_, index) =>
      validatorOf(`${nameOf(below(part, 'oneOf', index))}`)(value),
    );
    if (fits < 0) throw new Error(`nothing of ${nameOf(part)}/oneOf fits ${JSON.stringify(value)}`);
    yield* walk(value, below(part, 'oneOf', fits), path);
    return;
  }
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* walk(item, below(part, 'items'), [...path, index]);
  if (!isObject(value)) return;
  const where = `${part.file}#${part.pointer}`;
  for (const key of requiredOf(schema)) yield { where, key, path };
  for (const [key, item] of Object.entries(value))
    yield* walk(item, below(part, 'properties', key), [...path, key]);
}

function requiredOf(schema: Document): string[] {
  const { required } = schema;
  return Array.isArray(required) ? required.map(String) : [];
}

function nameOf({ file, pointer }: Part): string {
  return `${file}.schema.json#${pointer}`;
}

function below({ file, pointer }: Part, ...steps: (string | number)[]): Part {
  return { file, pointer: [pointer, ...steps].join('/') };
}

function follow({ file }: Part, reference: string): Part {
  const [target = '', pointer = ''] = reference.split('#');
  return { file: target === '' ? file : target.replace('.schema.json', ''), pointer };
}

function schemaAt({ file, pointer }: Part): Document {
  let at: unknown = SCHEMAS.get(file);
  for (const step of pointer.split('/').slice(1)) at = (at as { [key: string]: unknown } | undefined)?.[step];
  if (!isObject(at)) throw new Error(`there is no schema ${file}#${pointer}`);
  return at;
}

/** A copy of the document in which the object at this place has lost a key. */
export function without(document: Document, { path, key }: Demand): Document {
  const copy = structuredClone(document);
  let at: unknown = copy;
  for (const step of path) at = (at as { [step: string]: unknown })[step];
  delete (at as { [key: string]: unknown })[key];
  return copy;
}
