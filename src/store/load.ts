import type { BlockDevice } from '../device/block-device.js';
import { type BadRange, readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import { metadataChecksum } from '../format/checksum.js';
import { RemapTable } from '../format/entry.js';
import { backupHeaderPlace } from '../format/geometry.js';
import {
  CAPACITY,
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  type Header,
  MAGIC,
  VERSION,
} from '../format/header.js';
import { type Bytes, bytes, roundUp, SECTOR_SIZE } from '../units.js';
import {
  type Copy,
  type CopyFault,
  type CopyName,
  headerFaults,
  liveTableLength,
  type Place,
  tablePlace,
} from './copy.js';
import { type ReadProgress, sumTables, type TableSum } from './sum-tables.js';

/** Every place of a device where a copy may lie, as it was read: the primary first. */
export interface LoadedCopies {
  readonly primary: Copy;
  readonly backups: readonly Copy[];
  /** The live bytes of two copies are equal. */
  sameTable(a: Copy, b: Copy): boolean;
}

interface HeaderReading {
  readonly name: CopyName;
  readonly place: Place;
  readonly headerAt: Bytes;
  readonly block: Uint8Array;
  readonly unreadable: readonly BadRange[];
}

/** How often a device that changes while it is read is read again, and how long to wait before, in milliseconds. */
const STILL_ATTEMPTS = 6;
const STILL_WAIT = 25;

/**
 * Reads all copies of the metadata (format.md section 5). Takes no lock: reads again until the headers stand
 * still.
 *
 * @throws DmremapError `too-small` where no header fits; `busy` where the metadata never stood still
 */
export async function loadCopies(device: BlockDevice, progress?: ReadProgress): Promise<LoadedCopies> {
  if (device.size < HEADER_SIZE)
    throw new DmremapError(
      'too-small',
      `${device.name} has ${device.size} bytes; a header takes ${HEADER_SIZE}`,
    );
  for (let attempt = 0; ; attempt++) {
    const headers = await readHeaders(device);
    const loaded = await sumCopies(device, headers, progress);
    if (await standsStill(device, headers)) return loaded;
    if (attempt >= STILL_ATTEMPTS) throw neverStill(device);
    await new Promise((resolve) => setTimeout(resolve, STILL_WAIT << attempt));
  }
}

/** The live entries of a copy, whole in memory. Throws DeviceError where they cannot be read. */
export async function readTable(device: BlockDevice, copy: Copy): Promise<RemapTable> {
  if (copy.tableAt === undefined) throw new RangeError(`the ${copy.name} copy names no table`);
  const length = liveTableLength(copy.header);
  const buffer = Buffer.allocUnsafeSlow(roundUp(length, device.logicalBlockSize));
  if (length > 0) await device.read(copy.tableAt, buffer);
  return new RemapTable(buffer.subarray(0, length));
}

async function readHeader(
  device: BlockDevice,
  name: CopyName,
  place: Place,
  at: Bytes,
): Promise<HeaderReading> {
  const block = new Uint8Array(HEADER_SIZE);
  return { name, place, headerAt: at, block, unreadable: await readAround(device, at, block) };
}

async function readHeaders(device: BlockDevice): Promise<HeaderReading[]> {
  const end = backupHeaderPlace(device.size);
  const primary = await readHeader(device, 'primary', 'front', bytes(0));
  const headers = [primary];
  if (end >= HEADER_SIZE) headers.push(await readHeader(device, 'backup', 'end', end));
  const pointed = pointedPlace(primary.block, device.size);
  if (pointed !== undefined && pointed !== end)
    headers.push(await readHeader(device, 'backup', 'pointed', pointed));
  return headers;
}

/** Where the primary, valid or not, says that the backup lies: only where to look, the copy proves itself. */
function pointedPlace(block: Uint8Array, size: Bytes): Bytes | undefined {
  const at = Number(decodeHeader(block).backup_header) * SECTOR_SIZE;
  return at >= HEADER_SIZE && at + HEADER_SIZE <= size ? bytes(at) : undefined;
}

/** Whether these headers lie on the device as they were read. */
export async function standsStill(
  device: BlockDevice,
  before: readonly Pick<HeaderReading, 'headerAt' | 'block'>[],
): Promise<boolean> {
  for (const { headerAt, block } of before) {
    const again = new Uint8Array(HEADER_SIZE);
    await readAround(device, headerAt, again);
    if (Buffer.compare(again, block) !== 0) return false;
  }
  return true;
}

export function neverStill(device: BlockDevice): DmremapError {
  return new DmremapError('busy', `${device.name}: the metadata kept changing while it was read`, {
    hint: 'another program is writing to it: stop it, or try again in a moment',
  });
}

async function sumCopies(
  device: BlockDevice,
  headers: readonly HeaderReading[],
  progress?: ReadProgress,
): Promise<LoadedCopies> {
  const decoded = headers.map((reading) => {
    const header = decodeHeader(reading.block);
    return { reading, header, tableAt: tablePlace(reading.name, reading.headerAt, header, device.size) };
  });
  const summable = decoded.filter(
    ({ header, tableAt, reading }) =>
      tableAt !== undefined && reading.unreadable.length === 0 && looksLikeHeader(header),
  );
  const sums = await sumTables(
    device,
    summable.map(({ tableAt, header }) => ({ at: tableAt ?? bytes(0), length: liveTableLength(header) })),
    progress,
  );
  const sumOf = new Map<Copy, TableSum>();
  const copies = decoded.map(({ reading, header, tableAt }) => {
    const sum = sums[summable.findIndex((entry) => entry.reading === reading)];
    const copy = judge(reading, header, tableAt, sum);
    if (sum !== undefined) sumOf.set(copy, sum);
    return copy;
  });
  const [primary, ...backups] = copies;
  if (primary === undefined) throw new Error('no place was read');
  return {
    primary,
    backups,
    sameTable: (a, b) => {
      const [sumA, sumB] = [sumOf.get(a), sumOf.get(b)];
      if (sumA === undefined || sumB === undefined) return false;
      if (sumA.sameAsFirst !== sumB.sameAsFirst) return false;
      // two backups beside a damaged primary were not held against each other: their sums must do
      return sumA.sameAsFirst || (sumA.crc === sumB.crc && a.header.entry_count === b.header.entry_count);
    },
  };
}

/** A table of so many bytes is read without much asking. */
const SMALL_TABLE = 1 << 20;

/** Whether a table is worth reading: foreign bytes could name one of many gigabytes. */
function looksLikeHeader(header: Header): boolean {
  if (header.magic === MAGIC || liveTableLength(header) <= SMALL_TABLE) return true;
  return header.version === VERSION && header.max_entries <= CAPACITY.most;
}

function judge(
  reading: HeaderReading,
  header: Header,
  tableAt: Bytes | undefined,
  sum: TableSum | undefined,
): Copy {
  const unreadable = [...reading.unreadable, ...(sum?.unreadable ?? [])];
  const faults: CopyFault[] = headerFaults(reading.name, header, tableAt);
  if (reading.unreadable.length > 0) faults.push('header-unreadable');
  if (sum !== undefined && sum.unreadable.length > 0) faults.push('table-unreadable');
  let computed: number | undefined;
  let onlyMagicWrong = false;
  if (sum !== undefined && sum.unreadable.length === 0) {
    const length = liveTableLength(header);
    computed = metadataChecksum(reading.block, sum.crc, length);
    if (computed !== header.checksum) faults.push('checksum');
    if (header.magic !== MAGIC) {
      const mended = encodeHeader({ magic: MAGIC }, reading.block);
      onlyMagicWrong = metadataChecksum(mended, sum.crc, length) === header.checksum;
    }
  }
  return { ...reading, header, tableAt, unreadable, computed, onlyMagicWrong, faults };
}
