/** What the tests of all changing commands share. */
import type { ErrorCode } from '../../src/errors.js';
import { healthyImage } from '../obligations/commands.js';
import type { Ended, RunSettings } from '../obligations/run-cli.js';
import { type Document, documentOf, isObject } from '../obligations/schemas.js';
import { hashOf, type Workshop } from '../obligations/workshop.js';
import { assert } from '../support/harness.js';

/** A line that would change a spare, and a spare that it would change. */
export interface Change {
  readonly name: string;
  readonly image: () => Buffer;
  readonly line: (spare: string, dump: string) => readonly string[];
}

/** The healthy spare with its primary gone: `check -p` makes it whole. */
export function lameImage(): Buffer {
  return healthyImage().fill(0, 0, 4096);
}

export const CREATE: Change = {
  name: 'create',
  image: () => healthyImage(),
  line: (spare) => ['create', spare, '--main-size', '1G', '--discard-remaps', '5', '--force', '--yes'],
};

export const RESTORE: Change = {
  name: 'restore',
  image: () => healthyImage(),
  line: (spare, dump) => ['restore', spare, '--input', dump, '--yes'],
};

export const WIPE: Change = {
  name: 'wipe',
  image: () => healthyImage(),
  line: (spare) => ['wipe', spare, '--discard-remaps', '5', '--yes'],
};

export const PREEN: Change = {
  name: 'check -p',
  image: lameImage,
  line: (spare) => ['check', '-p', spare],
};

export const YES: Change = {
  name: 'check -y',
  image: lameImage,
  line: (spare) => ['check', '-y', spare],
};

/** Those that ask first; a check asks nothing. */
export const ASKING: readonly Change[] = [CREATE, RESTORE, WIPE];
export const CHANGES: readonly Change[] = [...ASKING, PREEN, YES];

/** The line without the answer that it gives in advance. */
export function unanswered(line: readonly string[]): readonly string[] {
  return line.filter((word) => word !== '--yes');
}

/**
 * Runs a line that has to fail with this code and to leave these devices as they are.
 *
 * @returns the `error` of its document
 */
export async function assertRefused(
  shop: Workshop,
  line: readonly string[],
  code: ErrorCode,
  says: RegExp,
  untouched: readonly string[],
  settings: RunSettings & { readonly run?: Runner } = {},
): Promise<Document> {
  const before = untouched.map(hashOf);
  const { run = (words, more) => shop.run(words, more), ...more } = settings;
  const ended = await run([...line, '--json'], more);
  const told = `${line.join(' ')}: ${ended.code} ${ended.stderr}`;
  assert.equal(untouched.map(hashOf), before, `changed by ${told}`);
  const { error } = documentOf(ended, line[0] ?? '');
  assert.ok(isObject(error), `no error of ${told}`);
  if (!isObject(error)) return {};
  assert.is(error['code'], code, told);
  assert.match(ended.stderr, says);
  assert.not.match(ended.stderr, /unexpected|^\s+at /m);
  return error;
}

export type Runner = (line: readonly string[], settings: RunSettings) => Promise<Ended>;
