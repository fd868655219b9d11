/** The schemas of docs/schema, and what a document of --json has to do with them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { PROJECT } from '../support/project.js';
import type { Ended } from './run-cli.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Document = { readonly [key: string]: Json };

const FOLDER = join(PROJECT, 'docs', 'schema');
const ENDING = '.schema.json';

/** By name: `check`, `failure`, `common`, … */
export const SCHEMAS: ReadonlyMap<string, Document> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .sort()
    .map((file) => [
      file.slice(0, -ENDING.length),
      JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Document,
    ]),
);

/** Documents that no command of its own makes. */
export const GENERAL: readonly string[] = ['common', 'failure', 'version'];

const ajv = new Ajv2020({ strict: true, allErrors: true, schemas: [...SCHEMAS.values()] });

/** Checks by the schema of this name, or by a part of one: `common.schema.json#/$defs/header`. */
export function validatorOf(reference: string): ValidateFunction {
  const validate = ajv.getSchema(reference.includes('#') ? reference : `${reference}${ENDING}`);
  if (validate === undefined) throw new Error(`there is no schema ${reference}`);
  return validate;
}

/** The name of the schema that a document claims to follow. */
export function schemaOf(document: Document): string {
  if ('error' in document) return 'failure';
  return document['command'] === 'dmremap' ? 'version' : String(document['command']);
}

/** What is wrong with a document by its schema; undefined where nothing is. */
export function misfit(document: Document, name = schemaOf(document)): string | undefined {
  if (!SCHEMAS.has(name)) return `there is no schema for ${name}`;
  const validate = validatorOf(name);
  if (validate(document)) return undefined;
  const errors = (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
  return `${name}: ${errors.slice(0, 8).join('; ')}`;
}

export function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The one JSON document that a run printed: it names the command and the very code that the run ended with,
 * and fits its schema. Throws where it does not.
 */
export function documentOf(ended: Ended, command: string): Document {
  const told = `${command}: ${JSON.stringify(ended).slice(0, 500)}`;
  let document: unknown;
  try {
    document = JSON.parse(ended.stdout);
  } catch {
    throw new Error(`standard output is not one JSON document: ${told}`);
  }
  if (!isObject(document)) throw new Error(`the document is no object: ${told}`);
  if (document['command'] !== command) throw new Error(`another command: ${told}`);
  if (document['exit_code'] !== ended.code) throw new Error(`exit_code is not the exit code: ${told}`);
  const wrong = misfit(document);
  if (wrong !== undefined) throw new Error(`${wrong}\n${told}`);
  return document;
}
