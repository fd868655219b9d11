import { closeSync, existsSync, ftruncateSync, openSync, writeSync } from 'node:fs';
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
  if (existsSync(path)) return path;
  const maxEntries = Math.max(count, CAPACITY);
  const copySectors = (HEADER_LENGTH + tableArea(maxEntries)) / SECTOR;
  const dataSectors = Math.ceil((maxEntries * SECTOR) / BLOCK) * (BLOCK / SECTOR);
  const sectors = 2 * copySectors + dataSectors;
  const geometry = redundantGeometry(sectors, maxEntries);
  const table = buildTable(scatteredEntries(count, geometry.dataStart, mainSectors, order));
  const header = (copy: number): Buffer => {
    const block = buildHeader({
      ...fieldsOf(count, maxEntries, sectors),
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
  return path;
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
