import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { buildHeader, buildTable, DEFAULTS, type Entry, type Fields } from '../test/support/build-image.js';
import {
  BACKUP_COPY,
  BLOCK,
  checksumOf,
  EXT_MAGIC,
  HEADER_LENGTH,
  MAGIC,
  putField,
  redundantGeometry,
  SECTOR,
  tableArea,
} from '../test/support/format-numbers.js';
import { Random } from '../test/support/random.js';

/** A main of 1 TiB, all over which the sectors that were remapped lie. */
const MAIN_SECTORS = 2 ** 31;

const CAPACITY = 1000;

/** How the spare sectors of ascending main sectors follow each other: as one list was remapped, or in no order. */
export type SpareOrder = 'ascending' | 'shuffled';

/**
 * A healthy redundant spare with so many entries, whose main sectors are scattered, in an image file, sparse
 * beyond its metadata; made once.
 */
export function spareImage(
  folder: string,
  count: number,
  mainSectors = MAIN_SECTORS,
  order: SpareOrder = 'shuffled',
): string {
  const path = join(folder, `spare-${count}-${mainSectors}-${order}.img`);
  const maxEntries = Math.max(count, CAPACITY);
  const sectors = sectorsOf(maxEntries, maxEntries);
  const entries = (start: number) => scatteredEntries(count, start, mainSectors, order);
  if (!existsSync(path)) writeSpare(path, { sectors, maxEntries, mainSectors, entries });
  return path;
}

/** How the remaps of a spare lie: one area of main on one of the spare, or each by itself on either. */
export type Lie = 'together' | 'scattered';

/** Sectors of the spare for each that is remapped where they are scattered. */
const SPREAD = 4;

/** A spare with so many remaps and data in every sector of its data area; made once. */
export function filledSpare(folder: string, count: number, lie: Lie): string {
  const path = join(folder, `spare-${count}-${lie}.img`);
  if (existsSync(path)) return path;
  const dataSectors = lie === 'together' ? count : count * SPREAD;
  const sectors = sectorsOf(count, dataSectors);
  const entries = (start: number) =>
    lie === 'together'
      ? Array.from({ length: count }, (_, index): Entry => [MAIN_SECTORS / 2 + index, start + index])
      : spreadEntries(count, start);
  writeSpare(path, { sectors, maxEntries: count, mainSectors: MAIN_SECTORS, entries });
  const geometry = redundantGeometry(sectors, count);
  fill(path, geometry.dataStart * SECTOR, geometry.dataSectors * SECTOR);
  return path;
}

/** A file of so many bytes without a hole; made once. */
export function filledFile(folder: string, length: number): string {
  const path = join(folder, `filled-${length}`);
  if (existsSync(path)) return path;
  closeSync(openSync(path, 'wx'));
  fill(path, 0, length);
  return path;
}

interface Spare {
  readonly sectors: number;
  readonly maxEntries: number;
  readonly mainSectors: number;
  readonly entries: (dataStart: number) => readonly Entry[];
}

/** Of a device with room for this table and these data sectors. */
function sectorsOf(maxEntries: number, dataSectors: number): number {
  const copySectors = (HEADER_LENGTH + tableArea(maxEntries)) / SECTOR;
  return 2 * copySectors + Math.ceil((dataSectors * SECTOR) / BLOCK) * (BLOCK / SECTOR);
}

function writeSpare(path: string, { sectors, maxEntries, mainSectors, entries }: Spare): void {
  const geometry = redundantGeometry(sectors, maxEntries);
  const list = entries(geometry.dataStart);
  const table = buildTable(list);
  const header = (copy: number): Buffer => {
    const block = buildHeader({
      ...fieldsOf(list.length, maxEntries, sectors),
      main_device_size: mainSectors,
      copy,
    });
    putField(block, 'checksum', checksumOf(block, table));
    return block;
  };
  const file = openSync(path, 'wx');
  ftruncateSync(file, sectors * SECTOR);
  writeSync(file, header(0), 0, HEADER_LENGTH, 0);
  writeSync(file, table, 0, table.length, HEADER_LENGTH);
  writeSync(file, table, 0, table.length, geometry.backupTable * SECTOR);
  writeSync(file, header(1), 0, HEADER_LENGTH, geometry.backupHeader * SECTOR);
  closeSync(file);
}

/** With bytes that no program takes for a hole. */
function fill(path: string, from: number, length: number): void {
  const piece = Buffer.alloc(1 << 20);
  const file = openSync(path, 'r+');
  for (let done = 0; done < length; done += piece.length) {
    randomFillSync(piece);
    writeSync(file, piece, 0, Math.min(piece.length, length - done), from + done);
  }
  fsyncSync(file);
  closeSync(file);
}

/** No two of them are adjacent on the spare. */
function spreadEntries(count: number, dataStart: number): Entry[] {
  const random = new Random(count);
  const spares = Array.from(
    { length: count },
    (_, index) => dataStart + index * SPREAD + random.below(SPREAD - 1),
  );
  shuffle(spares, random);
  return random
    .distinct(count, 0, MAIN_SECTORS - 1)
    .map((main, index): Entry => [main, spares[index] ?? dataStart]);
}

function scatteredEntries(count: number, dataStart: number, mainSectors: number, order: SpareOrder): Entry[] {
  const random = new Random(count);
  const spares = Array.from({ length: count }, (_, index) => dataStart + index);
  if (order === 'shuffled') shuffle(spares, random);
  const mains = random.distinct(count, 0, mainSectors - 1);
  if (order === 'ascending') mains.sort((a, b) => a - b);
  return mains.map((main, index): Entry => [main, spares[index] ?? dataStart]);
}

function shuffle(list: number[], random: Random): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [list[index], list[other]] = [list[other] ?? 0, list[index] ?? 0];
  }
}

function fieldsOf(count: number, maxEntries: number, sectors: number): Fields {
  const geometry = redundantGeometry(sectors, maxEntries);
  return {
    magic: MAGIC,
    version: 1,
    creation_time: DEFAULTS.time,
    last_update_time: DEFAULTS.time,
    entry_count: count,
    max_entries: maxEntries,
    spare_device_size: sectors,
    generation: 1,
    total_remaps_created: count,
    ext_magic: EXT_MAGIC,
    ro_compat_flags: BACKUP_COPY,
    data_start: geometry.dataStart,
    data_sectors: geometry.dataSectors,
    backup_header: geometry.backupHeader,
    backup_table: geometry.backupTable,
    set_uuid: DEFAULTS.setUuid,
    spare_uuid: DEFAULTS.spareUuid,
    manual_remaps: count,
  };
}

/** A main sector that is not remapped, or is by chance; for looking it up. */
export const SOME_MAIN_SECTOR = MAIN_SECTORS / 2;
