import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PROJECT } from './project.js';

/** The golden images in test/fixtures, made by another implementation of format.md (see the README there). */

const FOLDER = join(PROJECT, 'test', 'fixtures');

/** What has to come out of a golden image. */
export interface Expected {
  /** Exit codes of check -n, -p and -y. */
  readonly n: number;
  readonly p: number;
  readonly y: number;
  readonly why: string;
  /** No byte may change, whatever is asked. */
  readonly keep: boolean;
  /** One copy afterwards. */
  readonly plain?: boolean;
  /** The live entries, ascending, after an exit code 1; null where only a person can decide. */
  readonly truth: readonly (readonly [main: number, spare: number])[] | null;
}

interface ExpectedFile {
  readonly main_sectors: number;
  readonly cases: Readonly<Record<string, Expected>>;
}

const file = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as ExpectedFile;

/** Size of the main to which all golden images belong. */
export const MAIN_SECTORS = file.main_sectors;

export const expectedCases: readonly (readonly [name: string, expected: Expected])[] = Object.entries(
  file.cases,
);

/** A fresh copy of a golden image. */
export function fixture(name: string): Buffer {
  return gunzipSync(readFileSync(join(FOLDER, `${name}.img.gz`)));
}

/** Names of all golden images, those of the kernel module as `module/…`. */
export function fixtureNames(): string[] {
  const inside = (folder: string) =>
    readdirSync(join(FOLDER, folder))
      .filter((name) => name.endsWith('.img.gz'))
      .map((name) => join(folder, name.slice(0, -'.img.gz'.length)));
  return [...inside(''), ...inside('module')].sort();
}
