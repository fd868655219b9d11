import { DeviceError } from '../errors.js';
import { type Bytes, bytes, roundDown } from '../units.js';
import type { BlockDevice } from './block-device.js';
import { isGone } from './errnos.js';
import { readPastCache } from './past-cache.js';

/** Bytes of a device that could not be read. */
export interface BadRange {
  readonly at: Bytes;
  readonly length: Bytes;
  /** The system's name of the failure, such as EIO. */
  readonly errno: string;
}

/** Sizes in bytes of the pieces that a failed piece is cut into; the logical block size is the last one. */
const PIECES: readonly number[] = [65536, 4096];

/**
 * Fills `into` from `at` with everything that can be read; what cannot is zero there and is returned, merged
 * and in order. A piece that fails is cut into smaller ones down to the logical block, in three steps and not
 * by halving: a dying disk takes seconds for every failing request, so a bad block is met by few of them, and
 * no block is asked for again once it failed alone. Errors other than a DeviceError are thrown.
 */
export async function readAround(device: BlockDevice, at: Bytes, into: Uint8Array): Promise<BadRange[]> {
  const bad: BadRange[] = [];
  const whole = await attempt(device, at, into, false);
  if (whole !== undefined) await cut(device, at, into, whole, bad);
  return bad;
}

/** The error's name, undefined when the piece was read. */
async function attempt(
  device: BlockDevice,
  at: Bytes,
  into: Uint8Array,
  fine: boolean,
): Promise<string | undefined> {
  try {
    if (fine) await readPastCache(device, at, into);
    else await device.read(at, into);
    return undefined;
  } catch (error) {
    if (error instanceof DeviceError) return error.errno;
    throw error;
  }
}

/** Cuts a piece that failed; the page cache fails in whole pages, so the pieces are read past it where possible. */
async function cut(
  device: BlockDevice,
  at: Bytes,
  into: Uint8Array,
  errno: string,
  bad: BadRange[],
): Promise<void> {
  const end = at + into.length;
  const block = device.logicalBlockSize;
  if (end <= roundDown(at, block) + block || isGone(errno)) {
    into.fill(0);
    note(bad, at, into.length, errno);
    return;
  }
  const size = PIECES.find((piece) => piece < into.length && piece > block) ?? block;
  for (let from: number = at; from < end; ) {
    // Pieces end on multiples of their size, so that a block of the medium never lies in two of them.
    const next = Math.min(end, roundDown(from, size) + size);
    const part = into.subarray(from - at, next - at);
    const failed = await attempt(device, bytes(from), part, true);
    if (failed !== undefined && isGone(failed)) {
      into.fill(0, from - at);
      note(bad, from, end - from, failed);
      return;
    }
    if (failed !== undefined) await cut(device, bytes(from), part, failed, bad);
    from = next;
  }
}

function note(bad: BadRange[], at: number, length: number, errno: string): void {
  const last = bad.at(-1);
  if (last !== undefined && last.errno === errno && last.at + last.length === at) {
    bad[bad.length - 1] = { ...last, length: bytes(last.length + length) };
  } else bad.push({ at: bytes(at), length: bytes(length), errno });
}
