import {
  BLOCK_SIZE,
  type Bytes,
  bytes,
  bytesToSectors,
  roundDown,
  roundUp,
  SECTOR_SIZE,
  type Sectors,
  sectors,
} from '../units.js';
import { ENTRY_SIZE } from './entry.js';
import { HEADER_SIZE } from './header.js';

/** Where the primary table begins. */
export const TABLE_START: Bytes = bytes(HEADER_SIZE);

/** A of format.md section 1: the bytes that a table of this capacity takes. */
export function tableArea(maxEntries: number): Bytes {
  return bytes(roundUp(maxEntries * ENTRY_SIZE, BLOCK_SIZE));
}

/** First data sector behind the primary table. */
export function dataStart(maxEntries: number): Sectors {
  return bytesToSectors(TABLE_START + tableArea(maxEntries));
}

/** Where a backup header belongs on a device of this size (section 2): its first byte. */
export function backupHeaderPlace(size: Bytes): Bytes {
  return bytes(roundDown(size, BLOCK_SIZE) - HEADER_SIZE);
}

/** The geometry fields of a header, as sectors. */
export interface Geometry {
  readonly data_start: Sectors;
  readonly data_sectors: Sectors;
  readonly primary_header: Sectors;
  readonly backup_header: Sectors;
  readonly backup_table: Sectors;
}

/** Of a redundant set whose backup header lies at this byte. data_sectors is negative where it does not fit. */
export function redundantGeometry(backupHeader: Bytes, maxEntries: number): Geometry {
  const start = dataStart(maxEntries);
  const header = bytesToSectors(backupHeader);
  const table = sectors(header - tableArea(maxEntries) / SECTOR_SIZE);
  return {
    data_start: start,
    data_sectors: sectors(table - start),
    primary_header: sectors(0),
    backup_header: header,
    backup_table: table,
  };
}

/** Of a plain set on a device of this many sectors: data runs to the end of the device. */
export function plainGeometry(deviceSize: Sectors, maxEntries: number): Geometry {
  const start = dataStart(maxEntries);
  return {
    data_start: start,
    data_sectors: sectors(deviceSize - start),
    primary_header: sectors(0),
    backup_header: sectors(0),
    backup_table: sectors(0),
  };
}
