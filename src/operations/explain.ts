import { CATALOGUE, findRow } from '../check/catalogue/index.js';
import type { CatalogueRow } from '../check/catalogue/row.js';
import { DmremapError } from '../errors.js';
import { ENTRY } from '../format/entry.js';
import { HEADER } from '../format/header.js';
import type { Layout } from '../layout/layout.js';

export type Explanation =
  | { readonly kind: 'problem'; readonly row: CatalogueRow }
  | { readonly kind: 'problems'; readonly rows: readonly CatalogueRow[] }
  | { readonly kind: 'format'; readonly layouts: readonly Layout[] };

/** @throws DmremapError `usage` where nothing has this name */
export function explain(topic: string | undefined): Explanation {
  if (topic === undefined) return { kind: 'problems', rows: CATALOGUE };
  if (topic === 'format') return { kind: 'format', layouts: [HEADER, ENTRY] };
  const row = findRow(topic);
  if (row === undefined)
    throw new DmremapError('usage', `there is no problem called ${topic}`, {
      hint: 'dmremap explain lists all of them; dmremap explain format is the format reference',
    });
  return { kind: 'problem', row };
}
