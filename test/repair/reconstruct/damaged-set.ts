import {
  type DamagedSet,
  type PlaceReading,
  type Range,
  regionsToRead,
  type Witness,
} from '../../../src/repair/reconstruct/reading.js';
import { bytes } from '../../../src/units.js';
import { endPlace } from '../../support/build-image.js';
import { FIELDS, HEADER_LENGTH, SECTOR } from '../../support/format-numbers.js';
import type { CopyBytes } from './truth.js';

/** Reads an image as a program would: the front, the end, and where the primary says; nothing is shared. */
export function readImage(
  image: Buffer,
  witnesses: readonly Witness[] = [],
  unreadable: readonly Range[] = [],
  headersLost = false,
): DamagedSet {
  const pointed = Number(image.readBigUInt64LE(FIELDS.backup_header[0])) * SECTOR;
  const end = endPlace(image);
  const backups = [end];
  if (pointed !== end && pointed >= HEADER_LENGTH && pointed + HEADER_LENGTH <= image.length)
    backups.push(pointed);
  const headers = [0, ...backups].map((at) => ({
    name: at === 0 ? ('primary' as const) : ('backup' as const),
    headerAt: bytes(at),
    block: new Uint8Array(image.subarray(at, at + HEADER_LENGTH)),
  }));
  const regions = regionsToRead(headers, bytes(image.length), witnesses, headersLost);
  return setOf(
    image.length,
    headers.map((header, index): PlaceReading => {
      const { at, length } = regions[index] ?? { at: bytes(0), length: bytes(0) };
      return { ...header, region: new Uint8Array(image.subarray(at, at + length)), unreadable };
    }),
  );
}

/**
 * The same for copies of which only headers and tables exist, on a device whose data reads as zeros. What is
 * read shares memory with them: tables may be large.
 */
export function readCopies(deviceBytes: number, copies: readonly CopyBytes[]): DamagedSet {
  const headers = copies.map(({ name, headerAt, header }) => ({
    name,
    headerAt: bytes(headerAt),
    block: header,
  }));
  const regions = regionsToRead(headers, bytes(deviceBytes));
  return setOf(
    deviceBytes,
    copies.map(({ name, header, headerAt, region }, index): PlaceReading => {
      const length = regions[index]?.length ?? 0;
      return {
        name,
        headerAt: bytes(headerAt),
        block: header,
        region: stretch(region, length, name),
        unreadable: [],
      };
    }),
  );
}

/** The table lies at the beginning of a primary's region and at the end of a backup's. */
function stretch(region: Buffer, length: number, name: 'primary' | 'backup'): Uint8Array {
  if (length <= region.length)
    return name === 'primary' ? region.subarray(0, length) : region.subarray(region.length - length);
  const data = Buffer.alloc(length - region.length);
  return Buffer.concat(name === 'primary' ? [region, data] : [data, region]);
}

function setOf(deviceBytes: number, [primary, ...backups]: readonly PlaceReading[]): DamagedSet {
  if (primary === undefined) throw new Error('no primary');
  return { deviceSize: bytes(deviceBytes), primary, backups };
}
