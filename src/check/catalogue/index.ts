import { COPY_ROWS } from './copies.js';
import { ENTRY_ROWS } from './entries.js';
import { HEADER_ROWS } from './header.js';
import { MODULE_ROWS } from './module.js';
import { PAIR_ROWS } from './pairs.js';
import type { CatalogueRow } from './row.js';

/** Every problem id that was ever given out. Ids are stable: scripts match on them. */
const ROWS = [...COPY_ROWS, ...HEADER_ROWS, ...ENTRY_ROWS, ...PAIR_ROWS, ...MODULE_ROWS] as const;

export type ProblemId = (typeof ROWS)[number]['id'];

export const CATALOGUE: readonly CatalogueRow[] = ROWS;

const BY_ID = new Map<string, CatalogueRow>(CATALOGUE.map((row) => [row.id, row]));

if (BY_ID.size !== CATALOGUE.length) throw new Error('two rows of the catalogue have one id');

export function findRow(id: string): CatalogueRow | undefined {
  return BY_ID.get(id);
}

export function rowOf(id: ProblemId): CatalogueRow {
  const row = BY_ID.get(id);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
}
