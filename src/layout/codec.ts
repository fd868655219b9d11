import type { Field, Layout, Values } from './layout.js';

type Value = number | bigint | string;

const HEX_PREFIX = 'hex:';

function view(block: Uint8Array): DataView {
  return new DataView(block.buffer, block.byteOffset, block.byteLength);
}

export function toHex(block: Uint8Array): string {
  return Array.from(block, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The bytes of an even number of hexadecimal digits; throws on anything else. */
export function fromHex(digits: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new RangeError(`not hexadecimal: ${digits}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function decodeUuid(block: Uint8Array): string {
  return toHex(block).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function encodeUuid(uuid: string): Uint8Array {
  const block = fromHex(uuid.replaceAll('-', ''));
  if (block.length !== 16) throw new RangeError(`not a UUID: ${uuid}`);
  return block;
}

/** Text that would not come back byte for byte (damage) is given as `hex:` and its digits. */
function decodeText(block: Uint8Array): string {
  let end = block.length;
  while (end > 0 && block[end - 1] === 0) end--;
  const text = new TextDecoder().decode(block.subarray(0, end));
  const back = new TextEncoder().encode(text);
  const exact = back.length === end && back.every((byte, index) => byte === block[index]);
  return exact && !text.startsWith(HEX_PREFIX) && !text.includes('\0') ? text : HEX_PREFIX + toHex(block);
}

function encodeText(text: string, size: number): Uint8Array {
  const content = text.startsWith(HEX_PREFIX)
    ? fromHex(text.slice(HEX_PREFIX.length))
    : new TextEncoder().encode(text);
  if (content.length > size) throw new RangeError(`longer than ${size} bytes: ${text}`);
  const block = new Uint8Array(size);
  block.set(content);
  return block;
}

function decodeField(field: Field, block: Uint8Array): Value {
  const part = block.subarray(field.offset, field.offset + field.size);
  switch (field.kind) {
    case 'u32':
      return view(part).getUint32(0, true);
    case 'u64':
      return view(part).getBigUint64(0, true);
    case 'ascii':
      return String.fromCharCode(...part);
    case 'uuid':
      return decodeUuid(part);
    case 'text':
      return decodeText(part);
    case 'zero':
      return toHex(part);
  }
}

function encodeField(field: Field, value: Value, block: Uint8Array): void {
  const part = block.subarray(field.offset, field.offset + field.size);
  switch (field.kind) {
    case 'u32':
      if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > 0xffffffff)
        throw new RangeError(`${field.name} does not fit 32 bits: ${value}`);
      view(part).setUint32(0, Number(value), true);
      return;
    case 'u64':
      if (BigInt(value) < 0n || BigInt(value) >= 1n << 64n)
        throw new RangeError(`${field.name} does not fit 64 bits: ${value}`);
      view(part).setBigUint64(0, BigInt(value), true);
      return;
    case 'ascii':
      part.fill(0);
      part.set(
        Uint8Array.from(String(value), (character) => character.charCodeAt(0)).subarray(0, field.size),
      );
      return;
    case 'uuid':
      part.set(encodeUuid(String(value)));
      return;
    case 'text':
      part.set(encodeText(String(value), field.size));
      return;
    case 'zero':
      part.set(fromHex(String(value)));
  }
}

/** Reads every row; refuses only a block that is too short, so that any damage can be described. */
export function decode<Fields extends readonly Field[]>(
  layout: Layout<Fields>,
  block: Uint8Array,
): Values<Fields> {
  if (block.length < layout.size)
    throw new RangeError(`${layout.name} needs ${layout.size} bytes, not ${block.length}`);
  const values: Record<string, Value> = {};
  for (const field of layout.fields)
    if (field.kind !== 'zero') values[field.name] = decodeField(field, block);
  return values as Values<Fields>;
}

/** Writes the given rows into the block and leaves all others as they are, reserved bytes too. */
export function encodeInto<Fields extends readonly Field[]>(
  layout: Layout<Fields>,
  values: Partial<Values<Fields>>,
  block: Uint8Array,
): void {
  for (const field of layout.fields) {
    const value = (values as Record<string, Value | undefined>)[field.name];
    if (value !== undefined) encodeField(field, value, block);
  }
}

/** The rows whose bytes differ between two blocks, in order. */
export function differingFields(layout: Layout, a: Uint8Array, b: Uint8Array): Field[] {
  return layout.fields.filter((field) => {
    for (let byte = field.offset; byte < field.offset + field.size; byte++)
      if (a[byte] !== b[byte]) return true;
    return false;
  });
}

/** The first byte that is not zero in each reserved row, or undefined where the row is clean. */
export function nonZeroReserved(
  layout: Layout,
  block: Uint8Array,
): { field: Field; byte: number; count: number }[] {
  const found: { field: Field; byte: number; count: number }[] = [];
  for (const field of layout.fields) {
    if (field.kind !== 'zero') continue;
    let first = -1;
    let count = 0;
    for (let byte = field.offset; byte < field.offset + field.size; byte++) {
      if (block[byte] === 0) continue;
      if (first < 0) first = byte;
      count++;
    }
    if (count > 0) found.push({ field, byte: first, count });
  }
  return found;
}
