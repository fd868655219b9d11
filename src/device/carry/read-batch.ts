import { DeviceError } from '../../errors.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../../units.js';
import { allEnded } from '../all-ended.js';
import { answeringAtOnce } from '../at-once.js';
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
    const { starts, ends } = runs;
    const lost: number[] = [];
    const waiting: Promise<void>[] = [];
    const ask = (run: number): void => {
      const at = bytes(starts[run] as number);
      const from = run === 0 ? 0 : (ends[run - 1] as number);
      const index = first + from / SECTOR_SIZE;
      waiting.push(
        readRun(device, at, into.subarray(from, ends[run])).then((bad) => {
          for (const sector of bad) lost.push(index + sector - bytesToSectors(at));
        }),
      );
    };
    if (atOnce === undefined) for (let run = 0; run < starts.length; run++) ask(run);
    else atOnce.readPiecesAtOnce(runs, into, ask);
    // the buffer is in use until then
    if (waiting.length > 0) await allEnded(waiting);
    return lost.sort((a, b) => a - b);
  };
}

async function readRun(device: BlockDevice, at: Bytes, into: Uint8Array): Promise<readonly number[]> {
  try {
    await device.read(at, into);
    return [];
  } catch (error) {
    if (!(error instanceof DeviceError) || !isMediumError(error.errno)) throw error;
    return readCarefully(device, at, into);
  }
}
