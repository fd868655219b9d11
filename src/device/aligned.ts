import { addressOf } from './address.js';

/** Node has it; its type declarations do not. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** The unit of memory and of the page cache, in bytes. Direct I/O needs no more. */
export const PAGE = 4096;

/**
 * A page-aligned buffer, which O_DIRECT needs and Node's own buffers are not: the memory of WebAssembly always
 * starts on a page, and is had without any system call of our own.
 */
export function alignedBuffer(length: number): Uint8Array {
  const pages = Math.ceil(length / 65536);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  made.add(buffer);
  return new Uint8Array(buffer, 0, length);
}

const made = new WeakSet<ArrayBufferLike>();

/** Whether memory begins at a multiple of `unit` bytes, which divides a page, as far as that can be told. */
export function isAligned(memory: Uint8Array, unit: number): boolean {
  const start = made.has(memory.buffer) ? memory.byteOffset : addressOf(memory);
  return start !== undefined && start % unit === 0;
}

/** Sizes in bytes in which buffers are lent, and in which they are made. */
const [SMALL, LARGE, ARENA] = [4096, 1 << 18, 1 << 22];

/** Page-aligned buffers that are lent and given back. There are as many as were lent at a time. */
export class AlignedPool {
  readonly #small: Uint8Array[] = [];
  readonly #large: Uint8Array[] = [];

  /** The most that can be had in one piece, in bytes. */
  static readonly longest = LARGE;

  take(length: number): Uint8Array {
    const [free, size] = length <= SMALL ? [this.#small, SMALL] : [this.#large, LARGE];
    if (free.length === 0) {
      const arena = alignedBuffer(ARENA);
      for (let at = 0; at < ARENA; at += size) free.push(arena.subarray(at, at + size));
    }
    return free.pop() as Uint8Array;
  }

  giveBack(buffer: Uint8Array): void {
    (buffer.length === SMALL ? this.#small : this.#large).push(buffer);
  }
}
