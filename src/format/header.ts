import { decode, encodeInto } from '../layout/codec.js';
import { defineLayout, type Values } from '../layout/layout.js';

export const MAGIC = 'DMREMAP3';
export const EXT_MAGIC = 'DMR3EXT1';
export const VERSION = 1;
export const HEADER_SIZE = 4096;

/** First byte and length of the extension (format.md section 2). */
export const EXTENSION = { offset: 128, size: 232 } as const;

/** The header, format.md sections 1 and 2. */
export const HEADER = defineLayout('header', HEADER_SIZE, [
  { name: 'magic', offset: 0, size: 8, kind: 'ascii', meaning: `ASCII ${MAGIC}` },
  { name: 'version', offset: 8, size: 4, kind: 'u32', meaning: 'version of the format, 1' },
  {
    name: 'checksum',
    offset: 12,
    size: 4,
    kind: 'u32',
    meaning: 'CRC-32 of the header and the live entries',
  },
  {
    name: 'creation_time',
    offset: 16,
    size: 8,
    kind: 'u64',
    meaning: 'when the set was created',
    unit: 'Unix seconds',
  },
  {
    name: 'last_update_time',
    offset: 24,
    size: 8,
    kind: 'u64',
    meaning: 'when this generation was committed',
    unit: 'Unix seconds',
  },
  {
    name: 'entry_count',
    offset: 32,
    size: 4,
    kind: 'u32',
    meaning: 'live entries in the table',
    unit: 'entries',
  },
  {
    name: 'max_entries',
    offset: 36,
    size: 4,
    kind: 'u32',
    meaning: 'capacity of the table',
    unit: 'entries',
  },
  { name: 'main_device_size', offset: 40, size: 8, kind: 'u64', meaning: 'size of main', unit: 'sectors' },
  {
    name: 'spare_device_size',
    offset: 48,
    size: 8,
    kind: 'u64',
    meaning: 'size of the spare',
    unit: 'sectors',
  },
  { name: 'state', offset: 56, size: 4, kind: 'u32', meaning: '0 clean, 1 dirty, 2 writing, 3 error' },
  { name: 'generation', offset: 60, size: 4, kind: 'u32', meaning: 'serial number of the commit; never 0' },
  {
    name: 'total_remaps_created',
    offset: 64,
    size: 8,
    kind: 'u64',
    meaning: 'remaps ever created',
    unit: 'remaps',
  },
  { name: 'reserved_72', offset: 72, size: 56, kind: 'zero', meaning: 'reserved, zero' },
  {
    name: 'ext_magic',
    offset: 128,
    size: 8,
    kind: 'ascii',
    meaning: `ASCII ${EXT_MAGIC}, or zero: no extension`,
  },
  {
    name: 'compat_flags',
    offset: 136,
    size: 4,
    kind: 'u32',
    meaning: 'features that an older tool may ignore',
  },
  {
    name: 'ro_compat_flags',
    offset: 140,
    size: 4,
    kind: 'u32',
    meaning: 'features that an older tool may only read; bit 0 BACKUP_COPY',
  },
  {
    name: 'incompat_flags',
    offset: 144,
    size: 4,
    kind: 'u32',
    meaning: 'features that an older tool must refuse',
  },
  { name: 'copy', offset: 148, size: 4, kind: 'u32', meaning: '0 primary, 1 backup' },
  { name: 'data_start', offset: 152, size: 8, kind: 'u64', meaning: 'first data sector', unit: 'sectors' },
  {
    name: 'data_sectors',
    offset: 160,
    size: 8,
    kind: 'u64',
    meaning: 'data sectors that may be allocated',
    unit: 'sectors',
  },
  {
    name: 'primary_header',
    offset: 168,
    size: 8,
    kind: 'u64',
    meaning: 'sector of the primary header, 0',
    unit: 'sectors',
  },
  {
    name: 'backup_header',
    offset: 176,
    size: 8,
    kind: 'u64',
    meaning: 'sector of the backup header',
    unit: 'sectors',
  },
  {
    name: 'backup_table',
    offset: 184,
    size: 8,
    kind: 'u64',
    meaning: 'sector of the backup table',
    unit: 'sectors',
  },
  {
    name: 'set_uuid',
    offset: 192,
    size: 16,
    kind: 'uuid',
    meaning: 'identity of the set; survives a migration',
  },
  { name: 'spare_uuid', offset: 208, size: 16, kind: 'uuid', meaning: 'identity of this spare' },
  {
    name: 'peer_uuid',
    offset: 224,
    size: 16,
    kind: 'uuid',
    meaning: 'spare_uuid of the other spare of a migration',
  },
  { name: 'role', offset: 240, size: 4, kind: 'u32', meaning: '0 active, 1 migration target, 2 retired' },
  {
    name: 'peer_generation',
    offset: 244,
    size: 4,
    kind: 'u32',
    meaning: "the peer's generation when the role was set",
  },
  {
    name: 'migration_cursor',
    offset: 248,
    size: 8,
    kind: 'u64',
    meaning: 'entries copied once by a migration',
    unit: 'entries',
  },
  { name: 'main_id', offset: 256, size: 64, kind: 'text', meaning: 'identity of main; empty if it has none' },
  {
    name: 'lost_remaps',
    offset: 320,
    size: 8,
    kind: 'u64',
    meaning: 'sectors remapped although their data could not be read',
    unit: 'sectors',
  },
  {
    name: 'auto_remaps',
    offset: 328,
    size: 8,
    kind: 'u64',
    meaning: 'remaps made by the server',
    unit: 'remaps',
  },
  {
    name: 'manual_remaps',
    offset: 336,
    size: 8,
    kind: 'u64',
    meaning: 'remaps made by hand',
    unit: 'remaps',
  },
  {
    name: 'write_errors',
    offset: 344,
    size: 8,
    kind: 'u64',
    meaning: 'write errors seen on main',
    unit: 'errors',
  },
  {
    name: 'read_errors',
    offset: 352,
    size: 8,
    kind: 'u64',
    meaning: 'read errors seen on main',
    unit: 'errors',
  },
  { name: 'reserved_360', offset: 360, size: 3736, kind: 'zero', meaning: 'reserved, zero' },
]);

/** The decoded header: u32 as number, u64 as bigint, UUIDs and texts as strings. */
export type Header = Values<typeof HEADER.fields>;

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

export const RO_COMPAT_BACKUP_COPY = 1;

/** Bits of each flag word that this program knows. */
export const KNOWN_FLAGS = { compat: 0, ro_compat: RO_COMPAT_BACKUP_COPY, incompat: 0 } as const;

export const STATE = { clean: 0, dirty: 1, writing: 2, error: 3 } as const;
export const ROLE = { active: 0, target: 1, retired: 2 } as const;

/** Capacity of a table: at least, at most, and unless told (format.md section 1). */
export const CAPACITY = { least: 1, most: 33_554_175, usual: 1000 } as const;

export function decodeHeader(block: Uint8Array): Header {
  return decode(HEADER, block);
}

/** A new block: `base` (or zeros) with these fields written over it; everything else is kept. */
export function encodeHeader(fields: Partial<Header>, base?: Uint8Array): Uint8Array {
  const block = new Uint8Array(HEADER_SIZE);
  if (base !== undefined) block.set(base.subarray(0, HEADER_SIZE));
  encodeInto(HEADER, fields, block);
  return block;
}

export function hasExtension(header: Header): boolean {
  return header.ext_magic === EXT_MAGIC;
}

/** Whether the header says that a backup copy exists: the redundant layout. */
export function isRedundant(header: Header): boolean {
  return hasExtension(header) && (header.ro_compat_flags & RO_COMPAT_BACKUP_COPY) !== 0;
}

export function stateName(state: number): string {
  return ['clean', 'dirty', 'writing', 'error'][state] ?? `unknown (${state})`;
}

export function roleName(role: number): string {
  return ['active', 'migration target', 'retired'][role] ?? `unknown (${role})`;
}
