/**
 * A fixed block of bytes described by a table of rows. Everything that reads, writes, shows or compares the
 * block derives from the rows, so that an offset is written down once.
 */

/**
 * u32, u64: little-endian integers. ascii: bytes shown as characters, lossless. uuid: 16 bytes in RFC 9562
 * order. text: UTF-8, zero padded. zero: reserved, must be zero.
 */
export type FieldKind = 'u32' | 'u64' | 'ascii' | 'uuid' | 'text' | 'zero';

export interface Field {
  readonly name: string;
  /** From the start of the block, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  readonly kind: FieldKind;
  readonly meaning: string;
  readonly unit?: string;
}

interface KindValues {
  u32: number;
  u64: bigint;
  ascii: string;
  uuid: string;
  text: string;
}

/** The decoded block: one property for each row that is not reserved. */
export type Values<Fields extends readonly Field[]> = {
  -readonly [F in Fields[number] as F['kind'] extends 'zero'
    ? never
    : F['name']]: F['kind'] extends keyof KindValues ? KindValues[F['kind']] : never;
};

export interface Layout<Fields extends readonly Field[] = readonly Field[]> {
  readonly name: string;
  /** Of the whole block, in bytes. */
  readonly size: number;
  readonly fields: Fields;
}

const SIZES: Partial<Record<FieldKind, number>> = { u32: 4, u64: 8, uuid: 16 };

/** Declares a layout; throws where its rows leave a gap, overlap, or do not add up to `size`. */
export function defineLayout<const Fields extends readonly Field[]>(
  name: string,
  size: number,
  fields: Fields,
): Layout<Fields> {
  let expected = 0;
  for (const field of fields) {
    if (field.offset !== expected)
      throw new Error(`${name}.${field.name} is at ${field.offset}, not ${expected}`);
    const natural = SIZES[field.kind];
    if (natural !== undefined && natural !== field.size)
      throw new Error(`${name}.${field.name} is ${field.size} bytes long, not ${natural}`);
    expected += field.size;
  }
  if (expected !== size) throw new Error(`${name} has ${expected} bytes, not ${size}`);
  return { name, size, fields };
}

/** The row that covers a byte of the block. */
export function fieldAt(layout: Layout, byte: number): Field | undefined {
  return layout.fields.find((field) => byte >= field.offset && byte < field.offset + field.size);
}

/** The row of this name; throws where there is none, since names are written in the code. */
export function fieldNamed(layout: Layout, name: string): Field {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${layout.name} has no field ${name}`);
  return field;
}
