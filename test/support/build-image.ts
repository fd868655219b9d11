import {
  BACKUP_COPY,
  BLOCK,
  checksumOf,
  ENTRY_LENGTH,
  EXT_MAGIC,
  FIELDS,
  type FieldName,
  type FieldValue,
  HEADER_LENGTH,
  MAGIC,
  putField,
  redundantGeometry,
  SECTOR,
  tableArea,
  u32,
} from './format-numbers.js';

/** Builds spares byte by byte from the numbers of format.md, right or wrong as a test asks. */

export type Layout = 'redundant' | 'plain' | 'plain-ext';
export type Entry = readonly [main: number | bigint, spare: number | bigint];
export type Fields = { readonly [Name in FieldName]?: FieldValue };

export interface ImageSpec {
  readonly layout: Layout;
  /** Size of the device, of which `tailBytes` are added beyond. */
  readonly sectors: number;
  readonly maxEntries?: number;
  readonly entries?: readonly Entry[];
  readonly mainSectors?: number;
  readonly generation?: number;
  /** The backup's, and with it its own entries, if they are to differ. */
  readonly backupGeneration?: number;
  readonly backupEntries?: readonly Entry[];
  readonly state?: number;
  readonly role?: number;
  /** Bytes of the device beyond `sectors`, as after growing by them: a multiple of 512. */
  readonly tailBytes?: Uint8Array;
  /** Fields of both copies that are to hold something else, under a right checksum. */
  readonly fields?: Fields;
}

/** What a spec leaves unsaid. */
export const DEFAULTS = {
  maxEntries: 1000,
  mainSectors: 2_000_000,
  generation: 1,
  time: 1_696_195_200,
  setUuid: Buffer.from('11111111222233334444555555555555', 'hex'),
  spareUuid: Buffer.from('99999999888877776666555555555555', 'hex'),
} as const;

/** A header of 4096 bytes with these fields and nothing else; its checksum is 0. */
export function buildHeader(fields: Fields): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  for (const [name, value] of Object.entries(fields)) putField(header, name as FieldName, value);
  return header;
}

export function buildTable(entries: readonly Entry[]): Buffer {
  const table = Buffer.alloc(entries.length * ENTRY_LENGTH);
  entries.forEach(([main, spare], slot) => {
    table.writeBigUInt64LE(BigInt(main), slot * ENTRY_LENGTH);
    table.writeBigUInt64LE(BigInt(spare), slot * ENTRY_LENGTH + 8);
  });
  return table;
}

/** A whole device: header, table, zeroed data, and in the redundant layout the second copy at its end. */
export function buildImage(spec: ImageSpec): Buffer {
  const entries = spec.entries ?? [];
  const image = Buffer.alloc(spec.sectors * SECTOR);
  const fields = fieldsOf(spec);
  buildHeader(fields).copy(image);
  buildTable(entries).copy(image, HEADER_LENGTH);
  if (spec.layout === 'redundant') {
    const place = endPlace(image);
    const ofBackup: Fields = {
      ...fields,
      copy: 1,
      entry_count: (spec.backupEntries ?? entries).length,
      generation: spec.backupGeneration ?? spec.generation ?? DEFAULTS.generation,
      ...spec.fields,
    };
    buildHeader(ofBackup).copy(image, place);
    // Located from the spec, not from the header, so that a lying max_entries moves nothing.
    const area = tableArea(spec.maxEntries ?? DEFAULTS.maxEntries);
    buildTable(spec.backupEntries ?? entries).copy(image, place - area);
    seal(image, 'both');
  } else {
    seal(image, 'primary');
  }
  return spec.tailBytes === undefined ? image : Buffer.concat([image, spec.tailBytes]);
}

function fieldsOf(spec: ImageSpec): Fields {
  const maxEntries = spec.maxEntries ?? DEFAULTS.maxEntries;
  const count = (spec.entries ?? []).length;
  const plain: Fields = {
    magic: MAGIC,
    version: 1,
    creation_time: DEFAULTS.time,
    last_update_time: DEFAULTS.time,
    entry_count: count,
    max_entries: maxEntries,
    main_device_size: spec.mainSectors ?? DEFAULTS.mainSectors,
    spare_device_size: spec.sectors,
    state: spec.state ?? 0,
    generation: spec.generation ?? DEFAULTS.generation,
    total_remaps_created: count,
  };
  if (spec.layout === 'plain') return { ...plain, ...spec.fields };
  const redundant = spec.layout === 'redundant';
  const geometry = redundantGeometry(spec.sectors, maxEntries);
  return {
    ...plain,
    ext_magic: EXT_MAGIC,
    ro_compat_flags: redundant ? BACKUP_COPY : 0,
    data_start: geometry.dataStart,
    data_sectors: redundant ? geometry.dataSectors : spec.sectors - geometry.dataStart,
    backup_header: redundant ? geometry.backupHeader : 0,
    backup_table: redundant ? geometry.backupTable : 0,
    set_uuid: DEFAULTS.setUuid,
    spare_uuid: DEFAULTS.spareUuid,
    role: spec.role ?? 0,
    manual_remaps: count,
    ...spec.fields,
  };
}

/** Which copy: the front, the end of the device, both, or the byte where a header lies. */
export type Copy = 'primary' | 'backup' | 'both' | number;

/** The byte of the header that a backup has at the end of the device. */
export function endPlace(image: Buffer): number {
  return Math.floor(image.length / BLOCK) * BLOCK - HEADER_LENGTH;
}

export function placesOf(image: Buffer, copy: Copy): number[] {
  if (typeof copy === 'number') return [copy];
  if (copy === 'both') return [0, endPlace(image)];
  return [copy === 'primary' ? 0 : endPlace(image)];
}

/** The header at a place, sharing its memory with the image. */
export function headerAt(image: Buffer, place: number): Buffer {
  return image.subarray(place, place + HEADER_LENGTH);
}

/** The byte where the table of the header at this place begins, by its own max_entries; 0 if that is a lie. */
export function tablePlace(image: Buffer, place: number): number {
  if (place === 0) return HEADER_LENGTH;
  return Math.max(0, place - tableArea(u32(headerAt(image, place), 'max_entries')));
}

/** Puts a value into a field, leaving the checksum as it was. */
export function patch(image: Buffer, copy: Copy, field: FieldName, value: FieldValue): void {
  for (const place of placesOf(image, copy)) putField(headerAt(image, place), field, value);
}

/** Puts other sectors into a slot of the table, leaving the checksum as it was. */
export function patchEntry(image: Buffer, copy: Copy, slot: number, entry: Entry): void {
  for (const place of placesOf(image, copy))
    buildTable([entry]).copy(image, tablePlace(image, place) + slot * ENTRY_LENGTH);
}

/** Makes the checksum right for what lies there; a table that reaches beyond the device is cut at its end. */
export function seal(image: Buffer, copy: Copy): void {
  for (const place of placesOf(image, copy)) {
    const header = headerAt(image, place);
    const table = tablePlace(image, place);
    const live = image.subarray(table, table + u32(header, 'entry_count') * ENTRY_LENGTH);
    header.writeUInt32LE(checksumOf(header, live), FIELDS.checksum[0]);
  }
}

/** Patches a field and makes the checksum right again: a lie that only the rules can tell. */
export function patchSealed(image: Buffer, copy: Copy, field: FieldName, value: FieldValue): void {
  patch(image, copy, field, value);
  seal(image, copy);
}
