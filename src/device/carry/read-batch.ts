import { DeviceError } from '../../errors.js';
import { bytes, SECTOR_SIZE } from '../../units.js';
import { allEnded } from '../all-ended.js';
import { type AnswersAtOnce, answeringAtOnce } from '../at-once.js';
import type { BlockDevice } from '../block-device.js';
import { readCarefully } from '../careful-read.js';
import { isMediumError } from '../errnos.js';
import type { Batch } from './batches.js';

/**
 * Reads what batches are made of: what memory has at once, the rest by requests that are under way together.
 *
 * @returns a function that fills a batch's bytes and returns the indices of the pairs whose sectors cannot be
 * read: they are zero there
 */
export function batchReader(device: BlockDevice): (batch: Batch, into: Uint8Array) => Promise<number[]> {
  const atOnce = answeringAtOnce(device);
  return async ({ first, runs }, into) => {
    const lost: number[] = [];
    const waiting: Promise<void>[] = [];
    let at = 0;
    for (const { from, count } of runs) {
      const length = count * SECTOR_SIZE;
      if (!isRead(atOnce, from, into, at, length)) {
        const part = into.subarray(at, at + length);
        const index = first + at / SECTOR_SIZE;
        waiting.push(
          readRun(device, from, part).then((bad) => {
            for (const sector of bad) lost.push(index + sector - from);
          }),
        );
      }
      at += length;
    }
    // the buffer is in use until then
    if (waiting.length > 0) await allEnded(waiting);
    return lost.sort((a, b) => a - b);
  };
}

function isRead(
  atOnce: AnswersAtOnce | undefined,
  from: number,
  into: Uint8Array,
  at: number,
  length: number,
): boolean {
  return atOnce?.readAtOnce(from * SECTOR_SIZE, into, at, length) === true;
}

async function readRun(device: BlockDevice, from: number, into: Uint8Array): Promise<readonly number[]> {
  try {
    await device.read(bytes(from * SECTOR_SIZE), into);
    return [];
  } catch (error) {
    if (!(error instanceof DeviceError) || !isMediumError(error.errno)) throw error;
    return readCarefully(device, bytes(from * SECTOR_SIZE), into);
  }
}
