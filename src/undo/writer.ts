import { dirname } from 'node:path';
import type { BlockDevice } from '../device/block-device.js';
import { errnoOf } from '../device/file-device.js';
import { dataFrom } from '../device/holes.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import { extendCrc, joinCrcs } from '../format/checksum.js';
import type { Phase } from '../store/phase.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import {
  type ByteRange,
  encodeDescription,
  type Side,
  type UndoBlock,
  type UndoDescription,
} from './description.js';
import { createUndo, openExisting, syncFolder, unavailableBy } from './files.js';
import { decodeHead, encodeHead, HEAD_SIZE, isRefusal, sectorInState, UNDO_STATE } from './format.js';
import { type PlannedBlock, planUndo } from './plan.js';
import type { UndoStorage } from './volume.js';

/** What is about to be overwritten on one device. */
export interface UndoTarget {
  readonly side: Side;
  readonly device: BlockDevice;
  readonly phases: readonly Phase[];
}

export interface SaveRequest {
  readonly targets: readonly UndoTarget[];
  /** The first name to try. */
  readonly path: string;
  readonly description: Omit<UndoDescription, 'blocks'>;
}

/** A saved undo file, whole and durable. */
export interface UndoFile {
  readonly path: string;
  readonly description: UndoDescription;
  /** Marks it finished, durably. Throws DmremapError `io`; the change itself stands then. */
  finish(): Promise<void>;
}

/** Bytes copied at once. */
const PIECE = 1 << 20;

/**
 * Saves the bytes that the phases of all targets will overwrite, and makes the file and its folder durable.
 * Only after that may anything be overwritten. What cannot be read is noted as such: a repair of an unreadable
 * block must not fail because nothing can be saved of it.
 *
 * @throws DmremapError `undo-unavailable`, with nothing left behind
 */
export async function saveUndo({ targets, path, description }: SaveRequest): Promise<UndoFile> {
  const planned = targets.flatMap((target) => planUndo(target.phases).map((block) => ({ target, block })));
  let storage: UndoStorage | undefined;
  try {
    storage = await createUndo(path);
    const whole = await fill(storage, planned, description);
    await storage.sync();
    await storage.close();
    await syncFolder(dirname(storage.path));
    const name = storage.path;
    return { path: name, description: whole, finish: () => markFinished(name) };
  } catch (error) {
    await storage?.discard();
    throw unavailableBy(storage?.path ?? path, error);
  }
}

/** Before-bytes, description, and last the head that makes it an undo file. */
async function fill(
  storage: UndoStorage,
  planned: readonly { readonly target: UndoTarget; readonly block: PlannedBlock }[],
  description: SaveRequest['description'],
): Promise<UndoDescription> {
  const blocks: UndoBlock[] = [];
  const sums = { file: 0 };
  let at = HEAD_SIZE;
  for (const { target, block } of planned) {
    blocks.push(await saveBlock(storage, at, target, block, sums));
    at += block.length;
  }
  const whole = { ...description, blocks };
  const text = encodeDescription(whole);
  await storage.write(at, text);
  const head = encodeHead({
    state: UNDO_STATE.unfinished,
    description_crc: extendCrc(0, text),
    data_crc: sums.file,
    data_length: BigInt(at - HEAD_SIZE),
    description_length: BigInt(text.length),
  });
  await storage.write(0, head);
  return whole;
}

async function saveBlock(
  storage: UndoStorage,
  at: number,
  { device, side }: UndoTarget,
  block: PlannedBlock,
  sums: { file: number },
): Promise<UndoBlock> {
  const buffer = new Uint8Array(Math.min(PIECE, block.length));
  const unreadable: ByteRange[] = [];
  let crcBefore = 0;
  for (let done = 0; done < block.length; done += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, block.length - done));
    const from = bytes(block.at + done);
    let crc: number;
    if (await isHole(device, from, piece.length)) crc = crcOfZeros(piece.length);
    else {
      const bad = await readAround(device, from, piece);
      unreadable.push(...bad.map((range) => ({ at: range.at, length: range.length })));
      crc = extendCrc(0, piece);
      // what a file has no bytes for reads as zeros: of a device that was never written nothing need be kept
      if (!isZero(piece)) await storage.write(at + done, piece);
    }
    crcBefore = joinCrcs(crcBefore, crc, piece.length);
    sums.file = joinCrcs(sums.file, crc, piece.length);
  }
  return { ...block, device: side, crcBefore, unreadable };
}

/** Whether a file has nothing there but zeros that it need not be asked for. */
async function isHole(device: BlockDevice, at: Bytes, length: number): Promise<boolean> {
  return (await dataFrom(device, at, SECTOR_SIZE)) >= at + length;
}

const zeros = new Uint8Array(PIECE);

let crcOfLast = { length: 0, crc: 0 };

/** Most pieces are of one length. */
function crcOfZeros(length: number): number {
  if (crcOfLast.length !== length) crcOfLast = { length, crc: extendCrc(0, zeros.subarray(0, length)) };
  return crcOfLast.crc;
}

function isZero(piece: Uint8Array): boolean {
  return Buffer.compare(piece, zeros.subarray(0, piece.length)) === 0;
}

/**
 * Marks an undo file finished, durably: its change was done, or needs no undoing. One sector is written, so
 * that a power cut leaves one state or the other. Does nothing where it is finished already.
 *
 * @throws DmremapError `io`, with the file as it was or, if only the flush failed, in either state
 */
export async function markFinished(path: string): Promise<void> {
  try {
    const storage = await openExisting(path, 'write');
    try {
      const block = new Uint8Array(HEAD_SIZE);
      const head = decodeHead(block.subarray(0, await storage.read(0, block)));
      if (isRefusal(head)) throw new DmremapError('io', `${path} ${head.message}`);
      if (head.state === UNDO_STATE.finished) return;
      await storage.write(0, sectorInState(head, UNDO_STATE.finished));
      await storage.sync();
    } finally {
      await storage.close();
    }
  } catch (error) {
    const why = error instanceof DmremapError ? error.message : errnoOf(error);
    throw new DmremapError('io', `the undo file ${path} cannot be marked finished: ${why}`, {
      cause: error,
      hint: 'where the file can be written again, check -p finishes it; removed, it is not missed',
      data: { undo_file: path },
    });
  }
}
