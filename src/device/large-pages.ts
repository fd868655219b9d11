import { roundUp } from '../units.js';
import { addressOf } from './address.js';
import { alignedBuffer } from './aligned.js';
import { nativeLibrary } from './syscalls.js';

/** What a large page of memory has, in bytes, where ordinary ones have 4 KiB. */
const LARGE_PAGE = 1 << 21;

const MADV_HUGEPAGE = 14;

/**
 * An aligned buffer that comes in large pages where the kernel has some to give. What a request past the page cache
 * moves lies in as few stretches of memory as the pages allow, and a disk, above all a virtual one, takes only so
 * many stretches at a time. Such a page is in use as soon as one byte of it is.
 */
export function bufferInLargePages(length: number): Uint8Array {
  const library = nativeLibrary();
  if (library === undefined) return alignedBuffer(length);
  const memory = alignedBuffer(length + LARGE_PAGE);
  const start = addressOf(memory) ?? 0;
  const skip = roundUp(start, LARGE_PAGE) - start;
  const buffer = memory.subarray(skip, skip + length);
  // a kernel without large pages refuses, and the buffer is as good as any other
  library.func('int madvise(void *memory, size_t length, int advice)')(buffer, length, MADV_HUGEPAGE);
  return buffer;
}
