/**
 * The undo file: a head of 4096 bytes, the before-bytes of all blocks, and the description (description.ts)
 * behind them, so that the file is written in one pass: what reading has found stands in the description, and
 * the head, which alone makes it an undo file, comes last.
 */
import { extendCrc } from '../format/checksum.js';
import { decode, encodeInto, nonZeroReserved } from '../layout/codec.js';
import { defineLayout, type Values } from '../layout/layout.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import { decodeDescription, encodeDescription, type UndoDescription } from './description.js';

export const UNDO_MAGIC = 'DMRUNDO1';
export const UNDO_VERSION = 1;
export const HEAD_SIZE = 4096;

/** 0: the change may be anywhere between begun and done. 1: it was done, durably. */
export const UNDO_STATE = { unfinished: 0, finished: 1 } as const;

export const UNDO_HEAD = defineLayout('undo head', HEAD_SIZE, [
  { name: 'magic', offset: 0, size: 8, kind: 'ascii', meaning: `ASCII ${UNDO_MAGIC}` },
  { name: 'version', offset: 8, size: 4, kind: 'u32', meaning: 'version of the undo file, 1' },
  {
    name: 'head_crc',
    offset: 12,
    size: 4,
    kind: 'u32',
    meaning: 'CRC-32 of these 4096 bytes with this field taken as zero',
  },
  { name: 'state', offset: 16, size: 4, kind: 'u32', meaning: '0 unfinished, 1 finished' },
  { name: 'description_crc', offset: 20, size: 4, kind: 'u32', meaning: 'CRC-32 of the description' },
  { name: 'data_crc', offset: 24, size: 4, kind: 'u32', meaning: 'CRC-32 of all before-bytes' },
  { name: 'reserved_28', offset: 28, size: 4, kind: 'zero', meaning: 'reserved, zero' },
  {
    name: 'data_length',
    offset: 32,
    size: 8,
    kind: 'u64',
    meaning: 'before-bytes, from byte 4096',
    unit: 'bytes',
  },
  {
    name: 'description_length',
    offset: 40,
    size: 8,
    kind: 'u64',
    meaning: 'description, behind the before-bytes',
    unit: 'bytes',
  },
  { name: 'reserved_48', offset: 48, size: 4048, kind: 'zero', meaning: 'reserved, zero' },
]);

export type UndoHead = Values<typeof UNDO_HEAD.fields>;

/**
 * Why a file is not taken: it is none (`not-undo`), its writing was cut short before any device was touched
 * (`incomplete`), another version wrote it (`version`), or a part is torn or damaged: the head, the length of
 * the file, the description, the before-bytes (`data`).
 */
export type UndoFault = 'not-undo' | 'incomplete' | 'version' | 'head' | 'length' | 'description' | 'data';

export interface Refusal {
  readonly refused: UndoFault;
  /** Continues the name of the file: "is …". */
  readonly message: string;
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value;
}

/** An undo file as a value; `data` is the before-bytes of all blocks, one after the other. */
export interface DecodedUndo {
  readonly head: UndoHead;
  readonly description: UndoDescription;
  readonly data: Uint8Array;
}

function refuse(refused: UndoFault, message: string): Refusal {
  return { refused, message };
}

/** The head as it lies in the file, with its checksum. */
export function encodeHead(fields: Omit<UndoHead, 'magic' | 'version' | 'head_crc'>): Uint8Array {
  const block = new Uint8Array(HEAD_SIZE);
  encodeInto(UNDO_HEAD, { ...fields, magic: UNDO_MAGIC, version: UNDO_VERSION, head_crc: 0 }, block);
  encodeInto(UNDO_HEAD, { head_crc: extendCrc(0, block) }, block);
  return block;
}

/** The first sector of the same head in another state: the only bytes that finishing writes, in one sector. */
export function sectorInState(head: UndoHead, state: number): Uint8Array {
  return encodeHead({ ...head, state }).subarray(0, SECTOR_SIZE);
}

/** Judges the first 4096 bytes (or fewer, of a shorter file). */
export function decodeHead(block: Uint8Array): UndoHead | Refusal {
  if (block.every((byte) => byte === 0))
    return refuse('incomplete', 'is an undo file that was never completed: its head is empty');
  const magic = String.fromCharCode(...block.subarray(0, UNDO_MAGIC.length));
  if (magic !== UNDO_MAGIC)
    return refuse('not-undo', `is no undo file: it does not begin with ${UNDO_MAGIC}`);
  if (block.length < HEAD_SIZE) return refuse('length', `is cut short: ${block.length} bytes`);
  const head = decode(UNDO_HEAD, block);
  const copy = new Uint8Array(block.subarray(0, HEAD_SIZE));
  encodeInto(UNDO_HEAD, { head_crc: 0 }, copy);
  if (extendCrc(0, copy) !== head.head_crc) return refuse('head', 'has a damaged head: its checksum differs');
  // only under a right checksum does the version mean anything
  if (head.version !== UNDO_VERSION)
    return refuse('version', `is of version ${head.version}; this program knows version ${UNDO_VERSION}`);
  if (head.state !== UNDO_STATE.unfinished && head.state !== UNDO_STATE.finished)
    return refuse('head', `has the unknown state ${head.state} in its head`);
  if (nonZeroReserved(UNDO_HEAD, block).length > 0)
    return refuse('head', 'has something in the reserved bytes of its head');
  return head;
}

/** Where the parts of a file with this head lie. Only after `checkLength` are they known to be there. */
export function partsOf(head: UndoHead): { readonly descriptionAt: Bytes; readonly end: Bytes } {
  const descriptionAt = bytes(HEAD_SIZE + Number(head.data_length));
  return { descriptionAt, end: bytes(descriptionAt + Number(head.description_length)) };
}

/** Whether a file of `size` bytes is exactly as long as its head says. */
export function checkLength(head: UndoHead, size: number): Refusal | undefined {
  const wanted = BigInt(HEAD_SIZE) + head.data_length + head.description_length;
  if (wanted === BigInt(size)) return undefined;
  const how = wanted > BigInt(size) ? 'is cut short' : 'has something behind its end';
  return refuse('length', `${how}: ${size} bytes, not the ${wanted} that its head says`);
}

/** Judges the description of a file with this head. */
export function checkDescription(head: UndoHead, block: Uint8Array): UndoDescription | Refusal {
  if (extendCrc(0, block) !== head.description_crc)
    return refuse('description', 'has a damaged description: its checksum differs');
  const description = decodeDescription(block);
  if (typeof description === 'string')
    return refuse('description', `has a description that makes no sense: ${description}`);
  const total = description.blocks.reduce((sum, { length }) => sum + length, 0);
  if (BigInt(total) !== head.data_length)
    return refuse('description', `describes ${total} bytes but holds ${head.data_length}`);
  return description;
}

/** Judges the before-bytes of a file with this head by their CRC-32. */
export function checkData(head: UndoHead, crc: number): Refusal | undefined {
  return crc === head.data_crc ? undefined : refuse('data', 'has damaged data: the checksum differs');
}

/** A whole file from its parts. */
export function encodeUndo(description: UndoDescription, data: Uint8Array, state: number): Uint8Array {
  const text = encodeDescription(description);
  const file = new Uint8Array(HEAD_SIZE + data.length + text.length);
  file.set(
    encodeHead({
      state,
      description_crc: extendCrc(0, text),
      data_crc: extendCrc(0, data),
      data_length: BigInt(data.length),
      description_length: BigInt(text.length),
    }),
  );
  file.set(data, HEAD_SIZE);
  file.set(text, HEAD_SIZE + data.length);
  return file;
}

/** Judges a whole file. Never throws, whatever the bytes are. */
export function decodeUndo(file: Uint8Array): DecodedUndo | Refusal {
  const head = decodeHead(file.subarray(0, HEAD_SIZE));
  if (isRefusal(head)) return head;
  const wrongLength = checkLength(head, file.length);
  if (wrongLength !== undefined) return wrongLength;
  const { descriptionAt, end } = partsOf(head);
  const description = checkDescription(head, file.subarray(descriptionAt, end));
  if (isRefusal(description)) return description;
  const data = file.subarray(HEAD_SIZE, descriptionAt);
  return checkData(head, extendCrc(0, data)) ?? { head, description, data };
}
