/** The description in an undo file: whose bytes were saved, by which command, and what was to replace them. */
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';

export type Side = 'spare' | 'main';

/** A device when its bytes were saved. */
export interface UndoDevice {
  /** As the user named it. */
  readonly name: string;
  readonly realPath: string;
  /** A name below /dev that stays the same. */
  readonly stablePath?: string | undefined;
  /** The identity as in main_id: `wwn:…`, `serial:…`, `partuuid:…`, `dm:…`, `md:…`. */
  readonly id?: string | undefined;
  readonly model?: string | undefined;
  readonly serial?: string | undefined;
  readonly size: Bytes;
}

export interface UndoSpare extends UndoDevice {
  readonly setUuid?: string | undefined;
  readonly spareUuid?: string | undefined;
  /** The spare_uuid that the command gave it, where that is another. */
  readonly newSpareUuid?: string | undefined;
  /** Before the command; undefined where no header said one. */
  readonly generation?: number | undefined;
}

export interface ByteRange {
  /** On the device. */
  readonly at: Bytes;
  readonly length: Bytes;
}

/** What one sector may also hold while the change is under way: an earlier phase wrote it. */
export interface Between {
  /** Sectors from the start of the block. */
  readonly index: number;
  readonly crc: number;
}

/** Adjoining bytes that one phase overwrites last, in whole sectors. */
export interface UndoBlock extends ByteRange {
  readonly device: Side;
  /** The phase that gives these bytes their final content, counted from 0 for each device. */
  readonly phase: number;
  readonly crcBefore: number;
  readonly crcAfter: number;
  /** CRC-32 of each sector's final content: after a power cut every sector is old or new by itself. */
  readonly sectorsAfter: Uint32Array;
  readonly between: readonly Between[];
  /** Could not be read, saved as zeros: nothing to put back. Ascending. */
  readonly unreadable: readonly ByteRange[];
}

export interface UndoDescription {
  readonly command: string;
  /** Unix seconds. */
  readonly created: number;
  readonly spare: UndoSpare;
  readonly main?: UndoDevice | undefined;
  readonly blocks: readonly UndoBlock[];
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** As hex() one by one, without a text for each. */
function hexOfAll(crcs: Uint32Array): string {
  const digits = Buffer.alloc(crcs.length * 4);
  for (let index = 0; index < crcs.length; index++) digits.writeUInt32BE(crcs[index] ?? 0, index * 4);
  return digits.toString('hex');
}

function deviceToJson(device: UndoDevice): object {
  const { name, realPath, stablePath, id, model, serial, size } = device;
  return { name, real_path: realPath, stable_path: stablePath, id, model, serial, size };
}

function blockToJson(block: UndoBlock): object {
  const { device, phase, at, length, crcBefore, crcAfter, sectorsAfter, between, unreadable } = block;
  return {
    device,
    phase,
    at,
    length,
    crc_before: hex(crcBefore),
    crc_after: hex(crcAfter),
    sectors_after: hexOfAll(sectorsAfter),
    between: between.length > 0 ? between.map(({ index, crc }) => [index, hex(crc)]) : undefined,
    unreadable: unreadable.length > 0 ? unreadable.map((range) => [range.at, range.length]) : undefined,
  };
}

/** UTF-8 JSON. */
export function encodeDescription({ command, created, spare, main, blocks }: UndoDescription): Uint8Array {
  const json = {
    command,
    created,
    spare: {
      ...deviceToJson(spare),
      set_uuid: spare.setUuid,
      spare_uuid: spare.spareUuid,
      new_spare_uuid: spare.newSpareUuid,
      generation: spare.generation,
    },
    main: main === undefined ? undefined : deviceToJson(main),
    blocks: blocks.map(blockToJson),
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Says what is wrong with the JSON; never leaves this file. */
class Malformed extends Error {}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(`${what} is no object`);
  return value as Json;
}

function list(json: Json, key: string): readonly unknown[] {
  const value = json[key] ?? [];
  if (!Array.isArray(value)) throw new Malformed(`${key} is no list`);
  return value;
}

function text(json: Json, key: string): string {
  const value = json[key];
  if (typeof value !== 'string') throw new Malformed(`${key} is no text`);
  return value;
}

function textOrNone(json: Json, key: string): string | undefined {
  return json[key] === undefined ? undefined : text(json, key);
}

function whole(value: unknown, what: string, limit: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > limit)
    throw new Malformed(`${what} is no number from 0 to ${limit}`);
  return value;
}

function crc(value: unknown, what: string): number {
  if (typeof value !== 'string' || !/^[0-9a-f]{8}$/.test(value))
    throw new Malformed(`${what} is not eight hexadecimal digits`);
  return Number.parseInt(value, 16);
}

function pair(value: unknown, what: string): readonly [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw new Malformed(`${what} is no pair`);
  return [value[0], value[1]];
}

function range(at: unknown, length: unknown, limit: number, what: string): ByteRange {
  const found = { at: bytes(whole(at, `at of ${what}`)), length: bytes(whole(length, `length of ${what}`)) };
  if (found.at % SECTOR_SIZE !== 0 || found.length % SECTOR_SIZE !== 0 || found.length === 0)
    throw new Malformed(`${what} is not in whole sectors`);
  if (found.at + found.length > limit) throw new Malformed(`${what} ends beyond byte ${limit}`);
  return found;
}

/** Throws where one range begins before the one before it has ended. */
function ascending(ranges: readonly ByteRange[], what: string): void {
  let end = 0;
  for (const { at, length } of ranges) {
    if (at < end) throw new Malformed(`${what} overlap or are out of order`);
    end = at + length;
  }
}

function decodeDevice(json: Json): UndoDevice {
  return {
    name: text(json, 'name'),
    realPath: text(json, 'real_path'),
    stablePath: textOrNone(json, 'stable_path'),
    id: textOrNone(json, 'id'),
    model: textOrNone(json, 'model'),
    serial: textOrNone(json, 'serial'),
    size: bytes(whole(json['size'], 'size')),
  };
}

function decodeSectors(digits: string, count: number): Uint32Array {
  if (digits.length !== count * 8 || !/^[0-9a-f]*$/.test(digits))
    throw new Malformed(`sectors_after is not ${count * 8} hexadecimal digits`);
  return Uint32Array.from({ length: count }, (_, index) =>
    Number.parseInt(digits.slice(index * 8, index * 8 + 8), 16),
  );
}

function decodeBlock(value: unknown, sizes: Readonly<Record<Side, number | undefined>>): UndoBlock {
  const json = object(value, 'a block');
  const device = text(json, 'device');
  if (device !== 'spare' && device !== 'main') throw new Malformed(`there is no device ${device}`);
  const size = sizes[device];
  if (size === undefined) throw new Malformed(`a block lies on ${device}, which is not described`);
  const { at, length } = range(json['at'], json['length'], size, 'a block');
  const count = length / SECTOR_SIZE;
  const unreadable = list(json, 'unreadable').map((item) => {
    const bad = range(...pair(item, 'unreadable'), at + length, 'unreadable');
    if (bad.at < at) throw new Malformed('unreadable begins before its block');
    return bad;
  });
  ascending(unreadable, 'unreadable ranges');
  return {
    device,
    phase: whole(json['phase'], 'phase'),
    at,
    length,
    crcBefore: crc(json['crc_before'], 'crc_before'),
    crcAfter: crc(json['crc_after'], 'crc_after'),
    sectorsAfter: decodeSectors(text(json, 'sectors_after'), count),
    between: list(json, 'between').map((item) => {
      const [index, sum] = pair(item, 'between');
      return { index: whole(index, 'index', count - 1), crc: crc(sum, 'between') };
    }),
    unreadable,
  };
}

function decodeJson(value: unknown): UndoDescription {
  const json = object(value, 'it');
  const named = object(json['spare'], 'spare');
  const spare = {
    ...decodeDevice(named),
    setUuid: textOrNone(named, 'set_uuid'),
    spareUuid: textOrNone(named, 'spare_uuid'),
    newSpareUuid: textOrNone(named, 'new_spare_uuid'),
    generation:
      named['generation'] === undefined ? undefined : whole(named['generation'], 'generation', 0xffff_ffff),
  };
  const main = json['main'] === undefined ? undefined : decodeDevice(object(json['main'], 'main'));
  const sizes = { spare: spare.size, main: main?.size };
  const blocks = list(json, 'blocks').map((block) => decodeBlock(block, sizes));
  for (const side of ['spare', 'main'] as const)
    ascending(
      blocks.filter(({ device }) => device === side),
      `blocks of ${side}`,
    );
  return { command: text(json, 'command'), created: whole(json['created'], 'created'), spare, main, blocks };
}

/** The description, or what is wrong with it. Never throws. */
export function decodeDescription(block: Uint8Array): UndoDescription | string {
  try {
    return decodeJson(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(block)));
  } catch (error) {
    return error instanceof Malformed ? error.message : 'it is no JSON in UTF-8';
  }
}
