import { buildHeader, buildTable, DEFAULTS, type Entry, type Fields } from '../../support/build-image.js';
import {
  BACKUP_COPY,
  checksumOf,
  EXT_MAGIC,
  FIELDS,
  MAGIC,
  redundantGeometry,
  SECTOR,
  tableArea,
} from '../../support/format-numbers.js';
import type { Random } from '../../support/random.js';

/** Sets as they were before the damage, and one commit earlier; headers and tables alone, of any size. */

export interface CopyBytes {
  readonly name: 'primary' | 'backup';
  readonly headerAt: number;
  readonly header: Buffer;
  /** The whole table area, free slots too. */
  readonly region: Buffer;
}

/** Header and live entries of one generation. The header's checksum and copy are zero. */
export interface Content {
  readonly block: Buffer;
  readonly live: Buffer;
  /** The checksum that each copy stores. */
  readonly sums: Readonly<Record<CopyBytes['name'], number>>;
}

export interface TruthSet {
  readonly layout: 'redundant' | 'plain' | 'plain-ext';
  readonly deviceBytes: number;
  readonly content: Content;
  /** One commit earlier. */
  readonly prior: Content;
  /** Where the tables of both differ, in bytes; undefined where only the length does. */
  readonly differsAt: number | undefined;
  readonly copies: readonly CopyBytes[];
  readonly priorCopies: readonly CopyBytes[];
}

export interface TruthSpec {
  readonly layout: TruthSet['layout'];
  readonly count: number;
  readonly maxEntries: number;
}

const PRIOR_GENERATION = 41;

export function truthOf({ layout, count, maxEntries }: TruthSpec, random: Random): TruthSet {
  const redundant = layout === 'redundant';
  const area = tableArea(maxEntries);
  const room = count + 64 + random.below(64);
  const first = 8 + area / SECTOR;
  const sectors = Math.ceil((first + room) / 8) * 8 + (redundant ? first : 0);
  const mainSectors = Math.max(DEFAULTS.mainSectors, 4 * count);
  const mains = scattered(count + 1, mainSectors, random);
  const spares = scattered(count + 1, room, random);
  const entries = mains.map((main, slot): Entry => [main, first + (spares[slot] ?? 0)]);
  const free =
    first + Array.from({ length: room }, (_, slot) => slot).findIndex((slot) => !spares.includes(slot));
  const extra = entries.pop() ?? [0, 0];
  const { before, differsAt } = priorEntries(entries, extra, free, maxEntries, random);
  const place = { layout, sectors, maxEntries, mainSectors };
  const content = contentOf(place, entries, PRIOR_GENERATION + 1, count);
  const prior = contentOf(place, before, PRIOR_GENERATION, count);
  const slots = random.chance(0.5) ? Buffer.alloc(area) : random.bytes(area);
  const deviceBytes = sectors * SECTOR;
  return {
    layout,
    deviceBytes,
    content,
    prior,
    differsAt,
    copies: copiesOf(content, slots, deviceBytes, redundant),
    priorCopies: copiesOf(prior, slots, deviceBytes, redundant),
  };
}

/** So many different numbers below `limit`, in no order: one in each of as many equal stretches. */
function scattered(count: number, limit: number, random: Random): number[] {
  const stretch = limit / count;
  const numbers = Array.from({ length: count }, (_, index) => {
    const [low, high] = [Math.ceil(index * stretch), Math.ceil((index + 1) * stretch)];
    return low + random.below(Math.max(1, high - low));
  });
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [numbers[last], numbers[other]] = [numbers[other] ?? 0, numbers[last] ?? 0];
  }
  return numbers;
}

/** The entries one commit earlier: some moved to another spare sector, the last one missing, or one more. */
function priorEntries(
  entries: readonly Entry[],
  extra: Entry,
  free: number,
  maxEntries: number,
  random: Random,
): { before: Entry[]; differsAt: number | undefined } {
  const before = [...entries];
  const slot = random.below(entries.length);
  const kind = random.pick(['moved', 'moved', 'appended', 'removed'] as const);
  if (kind === 'appended') {
    before.pop();
    return { before, differsAt: undefined };
  }
  const [main] = entries[slot] ?? [0, 0];
  if (kind === 'removed' && entries.length < maxEntries) {
    // the last entry was moved into the hole
    before[slot] = extra;
    before.push(entries[slot] ?? extra);
    return { before, differsAt: slot * 16 };
  }
  before[slot] = [main, free];
  return { before, differsAt: slot * 16 };
}

interface PlaceOfSet {
  readonly layout: TruthSet['layout'];
  readonly sectors: number;
  readonly maxEntries: number;
  readonly mainSectors: number;
}

function contentOf(
  { layout, sectors, maxEntries, mainSectors }: PlaceOfSet,
  entries: readonly Entry[],
  generation: number,
  remaps: number,
): Content {
  const geometry = redundantGeometry(sectors, maxEntries);
  const redundant = layout === 'redundant';
  const plain: Fields = {
    magic: MAGIC,
    version: 1,
    creation_time: DEFAULTS.time,
    last_update_time: DEFAULTS.time + generation,
    entry_count: entries.length,
    max_entries: maxEntries,
    main_device_size: mainSectors,
    spare_device_size: sectors,
    generation,
    total_remaps_created: remaps + generation,
  };
  const extension: Fields = {
    ext_magic: EXT_MAGIC,
    ro_compat_flags: redundant ? BACKUP_COPY : 0,
    data_start: geometry.dataStart,
    data_sectors: redundant ? geometry.dataSectors : sectors - geometry.dataStart,
    backup_header: redundant ? geometry.backupHeader : 0,
    backup_table: redundant ? geometry.backupTable : 0,
    set_uuid: DEFAULTS.setUuid,
    spare_uuid: DEFAULTS.spareUuid,
    manual_remaps: remaps,
  };
  const block = buildHeader(layout === 'plain' ? plain : { ...plain, ...extension });
  const live = buildTable(entries);
  const backup = Buffer.from(block);
  backup.writeUInt32LE(1, FIELDS.copy[0]);
  return { block, live, sums: { primary: checksumOf(block, live), backup: checksumOf(backup, live) } };
}

function copiesOf(content: Content, slots: Buffer, deviceBytes: number, redundant: boolean): CopyBytes[] {
  const names = redundant ? (['primary', 'backup'] as const) : (['primary'] as const);
  return names.map((name): CopyBytes => {
    const region = Buffer.from(slots);
    content.live.copy(region);
    const headerAt = name === 'primary' ? 0 : Math.floor(deviceBytes / 4096) * 4096 - 4096;
    return { name, headerAt, header: sealedHeader(content, name), region };
  });
}

function sealedHeader({ block, sums }: Content, name: CopyBytes['name']): Buffer {
  const header = Buffer.from(block);
  if (name === 'backup') header.writeUInt32LE(1, FIELDS.copy[0]);
  header.writeUInt32LE(sums[name], FIELDS.checksum[0]);
  return header;
}
