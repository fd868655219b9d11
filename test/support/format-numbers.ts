/**
 * The numbers of format.md, typed in once more for the tests alone. Nothing of src/ is imported here or in
 * the builder and reader that use it: they are a second witness, and a witness who copies is none.
 */

export const SECTOR = 512;
export const BLOCK = 4096;
export const HEADER_LENGTH = 4096;
export const ENTRY_LENGTH = 16;
export const EMPTY_SLOT = 0xffff_ffff_ffff_ffffn;
export const MAGIC = 'DMREMAP3';
export const EXT_MAGIC = 'DMR3EXT1';
export const BACKUP_COPY = 1;
export const LARGEST_TABLE = 33_554_175;

export type FieldKind = 'u32' | 'u64' | 'bytes';

/** Every named field of sections 1 and 2: where it lies, how long it is, how it is read. */
export const FIELDS = {
  magic: [0, 8, 'bytes'],
  version: [8, 4, 'u32'],
  checksum: [12, 4, 'u32'],
  creation_time: [16, 8, 'u64'],
  last_update_time: [24, 8, 'u64'],
  entry_count: [32, 4, 'u32'],
  max_entries: [36, 4, 'u32'],
  main_device_size: [40, 8, 'u64'],
  spare_device_size: [48, 8, 'u64'],
  state: [56, 4, 'u32'],
  generation: [60, 4, 'u32'],
  total_remaps_created: [64, 8, 'u64'],
  reserved_front: [72, 56, 'bytes'],
  ext_magic: [128, 8, 'bytes'],
  compat_flags: [136, 4, 'u32'],
  ro_compat_flags: [140, 4, 'u32'],
  incompat_flags: [144, 4, 'u32'],
  copy: [148, 4, 'u32'],
  data_start: [152, 8, 'u64'],
  data_sectors: [160, 8, 'u64'],
  primary_header: [168, 8, 'u64'],
  backup_header: [176, 8, 'u64'],
  backup_table: [184, 8, 'u64'],
  set_uuid: [192, 16, 'bytes'],
  spare_uuid: [208, 16, 'bytes'],
  peer_uuid: [224, 16, 'bytes'],
  role: [240, 4, 'u32'],
  peer_generation: [244, 4, 'u32'],
  migration_cursor: [248, 8, 'u64'],
  main_id: [256, 64, 'bytes'],
  lost_remaps: [320, 8, 'u64'],
  auto_remaps: [328, 8, 'u64'],
  manual_remaps: [336, 8, 'u64'],
  write_errors: [344, 8, 'u64'],
  read_errors: [352, 8, 'u64'],
  reserved_back: [360, 3736, 'bytes'],
} as const satisfies Record<string, readonly [at: number, length: number, kind: FieldKind]>;

export type FieldName = keyof typeof FIELDS;
export type FieldValue = number | bigint | string | Uint8Array;

export const FIELD_NAMES = Object.keys(FIELDS) as readonly FieldName[];

/** Writes a field into a header; text and bytes shorter than the field are filled up with zeros. */
export function putField(header: Buffer, name: FieldName, value: FieldValue): void {
  const [at, length, kind] = FIELDS[name];
  if (typeof value === 'string' || value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    if (kind !== 'bytes' || bytes.length > length)
      throw new Error(`${bytes.length} bytes do not go into ${name}`);
    header.fill(0, at, at + length);
    bytes.copy(header, at);
    return;
  }
  if (kind === 'u32') header.writeUInt32LE(Number(value), at);
  else if (kind === 'u64') header.writeBigUInt64LE(BigInt(value), at);
  else throw new Error(`${name} takes bytes`);
}

type FieldsOf<Kind extends FieldKind> = {
  [Name in FieldName]: (typeof FIELDS)[Name][2] extends Kind ? Name : never;
}[FieldName];

export function u32(header: Buffer, name: FieldsOf<'u32'>): number {
  return header.readUInt32LE(FIELDS[name][0]);
}

export function u64(header: Buffer, name: FieldsOf<'u64'>): bigint {
  return header.readBigUInt64LE(FIELDS[name][0]);
}

export function bytesOf(header: Buffer, name: FieldName): Buffer {
  const [at, length] = FIELDS[name];
  return header.subarray(at, at + length);
}

/** Bytes that a table of so many entries occupies: A of section 1. */
export function tableArea(maxEntries: number): number {
  return Math.ceil((maxEntries * ENTRY_LENGTH) / BLOCK) * BLOCK;
}

/** Section 3, a bit at a time but for a table of its own; `initial` and `final` as section 7 varies them. */
export function crc32(parts: readonly Uint8Array[], initial = 0xffff_ffff, final = 0xffff_ffff): number {
  let crc = initial;
  for (const part of parts) {
    for (const byte of part) crc = (crc >>> 8) ^ (CRC_OF_BYTE[(crc ^ byte) & 0xff] ?? 0);
  }
  return (crc ^ final) >>> 0;
}

const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value >>> 0;
});

const NO_CHECKSUM = Buffer.alloc(4);

/** The checksum that belongs to this header and these live entries. */
export function checksumOf(header: Buffer, liveEntries: Uint8Array): number {
  return crc32([header.subarray(0, 12), NO_CHECKSUM, header.subarray(16, HEADER_LENGTH), liveEntries]);
}

/** Where things lie in the redundant layout on a device of so many sectors, in sectors (section 2). */
export function redundantGeometry(sectors: number, maxEntries: number) {
  const area = tableArea(maxEntries) / SECTOR;
  const end = Math.floor((sectors * SECTOR) / BLOCK) * (BLOCK / SECTOR);
  const dataStart = HEADER_LENGTH / SECTOR + area;
  const backupHeader = end - HEADER_LENGTH / SECTOR;
  const backupTable = backupHeader - area;
  return { dataStart, backupHeader, backupTable, dataSectors: backupTable - dataStart };
}
