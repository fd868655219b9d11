import { DmremapError } from '../errors.js';
import { extendCrc } from '../format/checksum.js';
import type { UndoBlock, UndoDescription } from './description.js';
import { openExisting, unreadable } from './files.js';
import {
  checkData,
  checkDescription,
  checkLength,
  decodeHead,
  HEAD_SIZE,
  isRefusal,
  partsOf,
  type Refusal,
  UNDO_STATE,
  type UndoHead,
} from './format.js';
import type { UndoStorage } from './volume.js';

export type UndoStateName = keyof typeof UNDO_STATE;

/** Bytes read at once. */
const PIECE = 1 << 20;

/** An undo file whose every byte was checked when it was opened. */
export class SavedUndo {
  readonly path: string;
  readonly state: UndoStateName;
  readonly description: UndoDescription;
  private readonly storage: UndoStorage;
  /** Where the before-bytes of each block begin in the file. */
  private readonly places = new Map<UndoBlock, number>();

  constructor(storage: UndoStorage, head: UndoHead, description: UndoDescription) {
    this.storage = storage;
    this.path = storage.path;
    this.state = stateOf(head);
    this.description = description;
    let at = HEAD_SIZE;
    for (const block of description.blocks) {
      this.places.set(block, at);
      at += block.length;
    }
  }

  /** Fills `into` with the before-bytes of a block of this file, from `from` bytes into the block. */
  async readBefore(block: UndoBlock, from: number, into: Uint8Array): Promise<void> {
    const place = this.places.get(block);
    if (place === undefined || from < 0 || from + into.length > block.length)
      throw new RangeError(`${into.length} bytes from ${from} are no part of a block of ${this.path}`);
    const count = await this.storage.read(place + from, into).catch((error: unknown) => {
      throw unreadable(this.path, error);
    });
    if (count < into.length)
      throw new DmremapError('io', `${this.path} has become shorter while it was read`);
  }

  close(): Promise<void> {
    return this.storage.close();
  }
}

function stateOf(head: UndoHead): UndoStateName {
  return head.state === UNDO_STATE.finished ? 'finished' : 'unfinished';
}

/**
 * Opens an undo file after checking all of it; the caller closes it. A file that is torn or damaged anywhere
 * is refused with the reason.
 *
 * @throws DmremapError `usage` (no such file, no plain file), `permission`, `io`
 */
export async function openUndo(path: string): Promise<SavedUndo | Refusal> {
  return withStorage(path, async (storage) => {
    const found = await readDescription(storage);
    if (isRefusal(found)) return found;
    const { head, description } = found;
    const damaged = checkData(head, await sumData(storage, partsOf(head).descriptionAt));
    return damaged ?? new SavedUndo(storage, head, description);
  });
}

/** State and description of an undo file whose before-bytes are not looked at; for lists. Throws as openUndo. */
export async function peekUndo(
  path: string,
): Promise<{ readonly state: UndoStateName; readonly description: UndoDescription } | Refusal> {
  return withStorage(path, async (storage) => {
    const found = await readDescription(storage);
    return isRefusal(found) ? found : { state: stateOf(found.head), description: found.description };
  });
}

/** Closes the file unless it is handed on. */
async function withStorage<Result extends object>(
  path: string,
  work: (storage: UndoStorage) => Promise<Result>,
): Promise<Result> {
  let storage: UndoStorage | undefined;
  try {
    storage = await openExisting(path, 'read');
    const result = await work(storage);
    if (!(result instanceof SavedUndo)) await storage.close();
    return result;
  } catch (error) {
    await storage?.close().catch(() => undefined);
    throw unreadable(path, error);
  }
}

async function readDescription(
  storage: UndoStorage,
): Promise<{ readonly head: UndoHead; readonly description: UndoDescription } | Refusal> {
  const block = new Uint8Array(HEAD_SIZE);
  const head = decodeHead(block.subarray(0, await storage.read(0, block)));
  if (isRefusal(head)) return head;
  // before anything of that length is allocated
  const wrongLength = checkLength(head, await storage.size());
  if (wrongLength !== undefined) return wrongLength;
  const { descriptionAt, end } = partsOf(head);
  const text = new Uint8Array(end - descriptionAt);
  const description = checkDescription(head, text.subarray(0, await storage.read(descriptionAt, text)));
  return isRefusal(description) ? description : { head, description };
}

async function sumData(storage: UndoStorage, end: number): Promise<number> {
  const buffer = new Uint8Array(Math.min(PIECE, Math.max(0, end - HEAD_SIZE)));
  let sum = 0;
  for (let at = HEAD_SIZE; at < end; at += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, end - at));
    sum = extendCrc(sum, piece.subarray(0, await storage.read(at, piece)));
  }
  return sum;
}
