import { entriesWith } from '../../check/rules/entries.js';
import type { Survey } from '../../check/survey.js';
import type { RemapTable } from '../../format/entry.js';

/** The data of one sector, as far as a person and a comparison need it. */
export type Sample =
  | { readonly kind: 'read'; readonly sha256: string; readonly preview: string }
  | { readonly kind: 'unreadable'; readonly errno: string };

/** By sector of each device. */
export interface Samples {
  readonly main: ReadonlyMap<number, Sample>;
  readonly spare: ReadonlyMap<number, Sample>;
}

/** More sectors than this are not read to help with a choice: nobody answers that many questions. */
const MOST_SAMPLES = 512;

/** The sectors whose data can tell which of several entries is right. */
export function sectorsInQuestion(survey: Survey): { main: number[]; spare: number[] } {
  const { table } = survey;
  if (table === undefined) return { main: [], spare: [] };
  const slots = [...entriesWith(survey, 'main-duplicate'), ...entriesWith(survey, 'spare-shared')];
  const some = slots.slice(0, MOST_SAMPLES);
  return { main: distinct(table, some, 'mainSector'), spare: distinct(table, some, 'spareSector') };
}

function distinct(table: RemapTable, slots: readonly number[], side: 'mainSector' | 'spareSector'): number[] {
  return [...new Set(slots.map((slot) => table[side](slot)))].sort((a, b) => a - b);
}

/** Whether two sectors are known to hold the same data. */
export function sameData(a: Sample | undefined, b: Sample | undefined): boolean {
  return a?.kind === 'read' && b?.kind === 'read' && a.sha256 === b.sha256;
}

/** One line: what a sector holds. */
export function saySample(name: string, sample: Sample | undefined): string {
  if (sample === undefined) return `${name}: not looked at`;
  if (sample.kind === 'unreadable') return `${name}: cannot be read (${sample.errno})`;
  return `${name}: sha256 ${sample.sha256.slice(0, 12)}  ${sample.preview}`;
}
