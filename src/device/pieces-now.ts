import { alignedBuffer, PAGE } from './aligned.js';
import { IoVectors, readVectors } from './moving-now.js';

/** Pieces of a device that are read one behind the other into one piece of memory. All numbers are bytes. */
export interface Pieces {
  /** Where each begins on the device. */
  readonly starts: readonly number[];
  /** Where each ends in the memory, which is where the next one begins. */
  readonly ends: readonly number[];
}

/** Where what lies between two pieces goes, and nobody reads it. */
let waste: Uint8Array | undefined;

const vectors = new IoVectors();

/**
 * Fills `into` with pieces, as readNow() does or, unless `mayWait`, readCached(); many of them by one call where
 * they lie close together. What lies between them is read along where that belongs to pages of the two, which come
 * from a disk as a whole: it is asked for nothing more.
 *
 * @param missing told, ascending, which could not be read so
 * @returns false where it cannot be asked; nothing is said of `into` then, and nothing was told
 */
export function readPiecesNow(
  fd: number,
  pieces: Pieces,
  into: Uint8Array,
  mayWait: boolean,
  missing: (index: number) => void,
): boolean {
  const { starts, ends } = pieces;
  let isTold = false;
  for (let first = 0, end = 0; first < starts.length; first = end) {
    const stretchEnd = putStretch(pieces, into, first);
    if (stretchEnd === undefined) return false;
    end = stretchEnd;
    for (let next = first; next < end; ) {
      const began = next;
      const at = starts[next] as number;
      // a vector for each piece, and one between two
      const count = readVectors(fd, vectors, 2 * (next - first), 2 * (end - next) - 1, at, mayWait);
      // once something was told the rest is, too
      if (count === undefined && !isTold) return false;
      const read = count ?? 0;
      while (next < end && (starts[next] as number) + lengthOf(ends, next) <= at + read) next++;
      // one that was not reached may lie behind what was not there: it is asked for from its own beginning
      if (next > began) continue;
      missing(next++);
      isTold = true;
    }
  }
  return true;
}

/**
 * Makes vectors for pieces from this one on that are read together; returns the one behind the last of them,
 * undefined where memory has no address.
 */
function putStretch({ starts, ends }: Pieces, into: Uint8Array, first: number): number | undefined {
  waste ??= alignedBuffer(2 * PAGE);
  vectors.clear();
  let behind = 0;
  for (let index = first; index < starts.length; index++) {
    const start = starts[index] as number;
    const length = lengthOf(ends, index);
    if (index > first) {
      const isNear = start >= behind && pageOf(start) - pageOf(behind - 1) <= 1;
      if (!isNear || !vectors.hasRoom(2)) return index;
      vectors.put(waste, 0, start - behind);
    }
    if (!vectors.put(into, (ends[index] as number) - length, length)) return undefined;
    behind = start + length;
  }
  return starts.length;
}

function lengthOf(ends: readonly number[], index: number): number {
  return (ends[index] as number) - (index === 0 ? 0 : (ends[index - 1] as number));
}

function pageOf(place: number): number {
  return Math.floor(place / PAGE);
}
