import { ENTRY_WORDS, type RemapTable, SIDE_WORD, TWO_32 } from '../../format/entry.js';
import { dataStart, redundantGeometry } from '../../format/geometry.js';
import { isRedundant } from '../../format/header.js';
import type { Copy } from '../../store/copy.js';
import { bytes, bytesToSectors, SECTOR_SIZE } from '../../units.js';
import type { ProblemId } from '../catalogue/index.js';
import type { EntryPlace, Finding } from '../finding.js';
import type { Survey } from '../survey.js';
import { duplicateIndices } from './duplicates.js';

/** How many of the entries concerned a finding shows. */
const SHOWN = 10;

/** The rules that a live entry obeys, format.md section 1. */
export function ruleEntries(survey: Survey): Finding[] {
  const { table } = survey;
  const { chosen } = survey.choice;
  if (chosen === undefined || table === undefined) return [];
  const bounds = boundsOf(survey, chosen);
  const breaches = new Breaches(table);
  visitBreaches(table, chosen, bounds, (id, index) => breaches.add(id, index));
  return breaches.findings(chosen, bounds);
}

/** All entries of the chosen table of which this is to be said, ascending: a finding shows the first ones only. */
export function entriesWith(survey: Survey, wanted: ProblemId): number[] {
  const { table } = survey;
  const { chosen } = survey.choice;
  if (chosen === undefined || table === undefined) return [];
  const found: number[] = [];
  visitBreaches(table, chosen, boundsOf(survey, chosen), (id, index) => {
    if (id === wanted) found.push(index);
  });
  return found;
}

function visitBreaches(
  table: RemapTable,
  chosen: Copy,
  bounds: Bounds,
  visit: (id: ProblemId, index: number) => void,
): void {
  for (
    let index = nextOutside(table.words, bounds, 0);
    index < table.count;
    index = nextOutside(table.words, bounds, index + 1)
  ) {
    if (table.isEmpty(index)) {
      visit(isRedundant(chosen.header) ? 'slot-empty' : 'slot-empty-plain', index);
      continue;
    }
    if (table.mainSector(index) >= bounds.mainSize) visit('main-out-of-range', index);
    const spare = table.spareSector(index);
    if (spare >= bounds.deviceEnd) visit('spare-out-of-range', index);
    else if (spare < bounds.dataStart || spare >= bounds.dataEnd) visit('spare-in-metadata', index);
  }
  for (const index of duplicateIndices(table, 'main')) visit('main-duplicate', index);
  for (const index of duplicateIndices(table, 'spare')) visit('spare-shared', index);
}

interface Bounds {
  readonly mainSize: number;
  readonly dataStart: number;
  /** First sector behind the data area. */
  readonly dataEnd: number;
  /** First sector behind the device, by its real and by its recorded size. */
  readonly deviceEnd: number;
}

function boundsOf({ deviceSize }: Survey, chosen: Copy): Bounds {
  const { header } = chosen;
  // a device may have grown or shrunk since its size was recorded
  const deviceEnd = Math.min(bytesToSectors(deviceSize), Number(header.spare_device_size));
  const backupHeader = bytes(
    chosen.name === 'backup' ? chosen.headerAt : Number(header.backup_header) * SECTOR_SIZE,
  );
  return {
    mainSize: Number(header.main_device_size),
    dataStart: dataStart(header.max_entries),
    dataEnd: isRedundant(header)
      ? redundantGeometry(backupHeader, header.max_entries).backup_table
      : deviceEnd,
    deviceEnd,
  };
}

/**
 * The next entry from this one on, among them empty ones, that does not lie within all bounds; the count where
 * there is none. Nearly every entry of nearly every table is passed over, so the words are read as they lie.
 */
function nextOutside(words: Uint32Array, bounds: Bounds, from: number): number {
  const { mainSize, dataStart } = bounds;
  const spareEnd = Math.min(bounds.dataEnd, bounds.deviceEnd);
  const { main, spare } = SIDE_WORD;
  let at = from * ENTRY_WORDS;
  for (; at < words.length; at += ENTRY_WORDS) {
    // an empty slot has the greatest main sector of all
    if ((words[at + main + 1] ?? 0) * TWO_32 + (words[at + main] ?? 0) >= mainSize) break;
    const spareSector = (words[at + spare + 1] ?? 0) * TWO_32 + (words[at + spare] ?? 0);
    if (spareSector < dataStart || spareSector >= spareEnd) break;
  }
  return at / ENTRY_WORDS;
}

class Breaches {
  readonly #table: RemapTable;
  readonly #found = new Map<ProblemId, { count: number; first: EntryPlace[] }>();

  constructor(table: RemapTable) {
    this.#table = table;
  }

  add(id: ProblemId, index: number): void {
    const found = this.#found.get(id) ?? { count: 0, first: [] };
    found.count++;
    if (found.first.length < SHOWN)
      found.first.push({
        index,
        main_sector: this.#table.exactMainSector(index),
        spare_sector: this.#table.exactSpareSector(index),
      });
    this.#found.set(id, found);
  }

  findings(chosen: Copy, bounds: Bounds): Finding[] {
    const expected: Partial<Record<ProblemId, number | string>> = {
      'main-out-of-range': bounds.mainSize,
      'spare-in-metadata': `sectors ${bounds.dataStart} to ${bounds.dataEnd - 1}`,
      'spare-out-of-range': bounds.deviceEnd,
    };
    return [...this.#found].map(([id, { count, first }]): Finding => {
      const limit = expected[id];
      return {
        id,
        copy: chosen.name,
        count,
        entries: first,
        ...(limit === undefined ? {} : { expected: limit }),
      };
    });
  }
}
