import { setImmediate as turn } from 'node:timers/promises';
import { bufferInLargePages } from '../large-pages.js';
import { BATCH_SIZE, type Batch } from './batches.js';

/** Batches that are under way at a time. */
const UNDER_WAY = 8;

/** What `work` may use, in bytes. */
const ROOM = 2 * BATCH_SIZE;

/** Those that nobody uses. */
const rooms: Uint8Array[] = [];

function takeRoom(): Uint8Array {
  if (rooms.length === 0) {
    const memory = bufferInLargePages(UNDER_WAY * ROOM);
    for (let at = 0; at < memory.length; at += ROOM) rooms.push(memory.subarray(at, at + ROOM));
  }
  return rooms.pop() as Uint8Array;
}

/**
 * Works on batches, a few of them side by side, each in a room of its own. At the first failure, and when
 * the signal is raised, no other is begun; those under way come to their end.
 *
 * @param work `room` has twice BATCH_SIZE bytes, which nobody else uses until it ends
 * @param ended told after each batch
 * @throws what `work` threw first, or the signal's reason
 */
export async function sideBySide(
  batches: Iterator<Batch>,
  work: (batch: Batch, room: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
  ended: (batch: Batch) => void,
): Promise<void> {
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    const room = takeRoom();
    try {
      while (failures.length === 0 && signal?.aborted !== true) {
        const next = batches.next();
        if (next.done === true) return;
        await work(next.value, room);
        ended(next.value);
        // what memory answers takes no turn of the event loop, and signals would wait for ever
        await turn();
      }
    } catch (error) {
      failures.push(error);
    } finally {
      rooms.push(room);
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  if (failures.length > 0) throw failures[0];
  signal?.throwIfAborted();
}
