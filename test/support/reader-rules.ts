import {
  BACKUP_COPY,
  bytesOf,
  checksumOf,
  EMPTY_SLOT,
  ENTRY_LENGTH,
  HEADER_LENGTH,
  LARGEST_TABLE,
  redundantGeometry,
  SECTOR,
  tableArea,
  u32,
  u64,
} from './format-numbers.js';
import { hasExtension, type Place } from './reader-copies.js';

/**
 * The rules that a chosen copy has to obey (format.md sections 1 and 2, and what section 5 says of sizes).
 * How far a break may be mended: `copy`, one copy made whole from the other; `unattended`; `y`; `nothing`.
 */
export interface Finding {
  readonly why: string;
  readonly fix: 'copy' | 'unattended' | 'y' | 'nothing';
}

export interface Entry {
  readonly main: bigint;
  readonly spare: bigint;
}

export function entriesOf(live: Buffer): Entry[] {
  return Array.from({ length: live.length / ENTRY_LENGTH }, (_, slot) => ({
    main: live.readBigUInt64LE(slot * ENTRY_LENGTH),
    spare: live.readBigUInt64LE(slot * ENTRY_LENGTH + 8),
  }));
}

export function isRedundant(header: Buffer): boolean {
  return hasExtension(header) && (u32(header, 'ro_compat_flags') & BACKUP_COPY) !== 0;
}

/** Everything that this copy breaks by itself; growing is looked at elsewhere, it takes the device. */
export function judgeCopy(chosen: Place, deviceSectors: number): Finding[] {
  const findings: Finding[] = [];
  const nothing = (why: string) => findings.push({ why, fix: 'nothing' });
  const { header } = chosen;

  const state = u32(header, 'state');
  if (state === 1 || state === 2) findings.push({ why: `state is ${state}`, fix: 'unattended' });
  if (state > 2) nothing(`state is ${state}`);
  if (u32(header, 'generation') === 0) nothing('generation is 0');
  const max = u32(header, 'max_entries');
  if (max < 1 || max > LARGEST_TABLE) nothing(`max_entries is ${max}`);
  if (u64(header, 'spare_device_size') > BigInt(deviceSectors)) nothing('the device has shrunk');
  const reserved = [bytesOf(header, 'reserved_front'), bytesOf(header, 'reserved_back')];
  if (reserved.some((bytes) => bytes.some((byte) => byte !== 0)))
    findings.push({ why: 'reserved bytes are not zero', fix: 'y' });
  if (!hasExtension(header) && header.subarray(128, 360).some((byte) => byte !== 0))
    nothing('bytes of an extension without its magic');
  if (chosen.at !== 0 && !isRedundant(header)) nothing('a backup without BACKUP_COPY');
  for (const why of wrongGeometry(header)) nothing(`${why} is wrong`);
  findings.push(...judgeEntries(chosen, deviceSectors));
  return findings;
}

/** Names of the geometry fields that differ from what the recorded size and max_entries make of them. */
function wrongGeometry(header: Buffer): string[] {
  if (!hasExtension(header)) return [];
  const size = Number(u64(header, 'spare_device_size'));
  const right = redundantGeometry(size, u32(header, 'max_entries'));
  const redundant = isRedundant(header);
  const wanted = {
    data_start: right.dataStart,
    data_sectors: redundant ? right.dataSectors : size - right.dataStart,
    primary_header: 0,
    backup_header: redundant ? right.backupHeader : 0,
    backup_table: redundant ? right.backupTable : 0,
  };
  const names = ['data_start', 'data_sectors', 'primary_header', 'backup_header', 'backup_table'] as const;
  return names.filter((name) => u64(header, name) !== BigInt(wanted[name]));
}

function judgeEntries(chosen: Place, deviceSectors: number): Finding[] {
  const { header, live } = chosen;
  const redundant = isRedundant(header);
  const recorded = Math.min(Number(u64(header, 'spare_device_size')), 2 ** 53);
  const geometry = redundantGeometry(recorded, u32(header, 'max_entries'));
  const first = BigInt(geometry.dataStart);
  const end = BigInt(Math.min(redundant ? geometry.backupTable : recorded, deviceSectors));
  const mainSize = u64(header, 'main_device_size');

  const broken = new Set<string>();
  const mains = new Set<bigint>();
  const spares = new Set<bigint>();
  let empty = false;
  for (const { main, spare } of entriesOf(live)) {
    if (main === EMPTY_SLOT) {
      empty = true;
      continue;
    }
    if (main >= mainSize) broken.add('an entry lies beyond main');
    if (spare < first || spare >= end) broken.add('an entry leads out of the data area');
    if (mains.has(main)) broken.add('two entries for one main sector');
    if (spares.has(spare)) broken.add('two entries for one spare sector');
    mains.add(main);
    spares.add(spare);
  }
  const findings: Finding[] = [...broken].map((why) => ({ why, fix: 'nothing' }));
  if (empty) findings.push({ why: 'an empty slot', fix: redundant ? 'unattended' : 'y' });
  return findings;
}

/** What is to be done about a device that is larger than recorded, and how far that may go alone. */
export function judgeGrowth(image: Buffer, chosen: Place): Finding | undefined {
  const { header } = chosen;
  const recorded = Number(u64(header, 'spare_device_size'));
  const real = image.length / SECTOR;
  if (recorded >= real) return undefined;
  if (!isRedundant(header)) return { why: 'the device has grown', fix: 'unattended' };
  if (!isMove(image, chosen)) return { why: 'the device has grown by a little', fix: 'unattended' };
  const clean = beyondIsOurs(image, chosen, recorded);
  return clean
    ? { why: 'the device has grown', fix: 'unattended' }
    : { why: 'the device has grown, over sectors that are not zero', fix: 'y' };
}

/** Whether bringing this copy up to date moves the backup. */
export function isMove(image: Buffer, chosen: Place): boolean {
  if (!isRedundant(chosen.header)) return false;
  const recorded = Number(u64(chosen.header, 'spare_device_size'));
  const max = u32(chosen.header, 'max_entries');
  const real = image.length / SECTOR;
  return (
    recorded < real &&
    redundantGeometry(recorded, max).backupHeader !== redundantGeometry(real, max).backupHeader
  );
}

/** Every sector beyond the recorded size is zero, or holds what a move that was cut short wrote there. */
function beyondIsOurs(image: Buffer, chosen: Place, recorded: number): boolean {
  const { header, live } = chosen;
  const max = u32(header, 'max_entries');
  const moved = redundantGeometry(image.length / SECTOR, max);
  const target = Buffer.alloc(image.length - moved.backupTable * SECTOR);
  live.copy(target);
  const area = tableArea(max);
  movedHeader(image, chosen, moved).copy(target, area);
  for (let sector = recorded; sector < image.length / SECTOR; sector++) {
    const found = image.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    const at = (sector - moved.backupTable) * SECTOR;
    const written = at >= 0 && found.equals(target.subarray(at, at + SECTOR));
    if (!written && found.some((byte) => byte !== 0)) return false;
  }
  return true;
}

type Geometry = ReturnType<typeof redundantGeometry>;

/** The header that the move puts at the end; its time is the only thing that cannot be known beforehand. */
function movedHeader(image: Buffer, { header: old, live }: Place, moved: Geometry): Buffer {
  const header = Buffer.from(old);
  const found = image.subarray(moved.backupHeader * SECTOR, moved.backupHeader * SECTOR + HEADER_LENGTH);
  const generation = u32(old, 'generation');
  header.writeUInt32LE(generation === 0xffff_ffff ? 1 : generation + 1, 60);
  header.writeBigUInt64LE(BigInt(image.length / SECTOR), 48);
  header.writeUInt32LE(1, 148);
  header.writeBigUInt64LE(BigInt(moved.dataSectors), 160);
  header.writeBigUInt64LE(BigInt(moved.backupHeader), 176);
  header.writeBigUInt64LE(BigInt(moved.backupTable), 184);
  found.copy(header, 24, 24, 32);
  header.writeUInt32LE(checksumOf(header, live), 12);
  return header;
}
