import { BLOCK_SIZE, type Bytes, bytes } from '../units.js';

/** Reads `length` bytes at `at`, both multiples of 512 within the device; undefined if that cannot be read. */
export type ProbeRead = (at: Bytes, length: number) => Promise<Uint8Array | undefined>;

/** The longest single read, in blocks of 4096 bytes. */
const WINDOW_BLOCKS = 16;

/** A gap of so many unwanted blocks is read along rather than left for a second request. */
const GAP_BLOCKS = 3;

/**
 * After a window has failed, its wanted blocks are tried one by one, but not without end: on a dying disk each
 * failure may take half a minute.
 */
const LONE_FAILURES = 16;

/** The blocks of a device that somebody wants to look at, gathered first and then read in few requests. */
export class BlockWindow {
  readonly #read: ProbeRead;
  readonly #size: number;
  readonly #wanted = new Set<number>();
  readonly #content = new Map<number, Uint8Array>();
  #failuresLeft = LONE_FAILURES;

  constructor(read: ProbeRead, size: Bytes) {
    this.#read = read;
    this.#size = size;
  }

  /** Asks for the blocks that hold these bytes; beyond the end of the device there are none. */
  want(at: number, length: number): void {
    const past = Math.min(at + length, this.#size);
    for (let block = Math.floor(at / BLOCK_SIZE); block * BLOCK_SIZE < past; block++) this.#wanted.add(block);
  }

  /** Reads everything that was asked for. */
  async load(): Promise<void> {
    const blocks = [...this.#wanted].sort((a, b) => a - b);
    let group: number[] = [];
    for (const block of blocks) {
      const first = group[0] ?? block;
      const last = group.at(-1) ?? block;
      if (block - last > GAP_BLOCKS + 1 || block - first >= WINDOW_BLOCKS) {
        await this.#loadGroup(group);
        group = [];
      }
      group.push(block);
    }
    await this.#loadGroup(group);
  }

  /** These bytes, or undefined if one of them is not there, was not asked for or could not be read. */
  view(at: number, length: number): DataView | undefined {
    if (at + length > this.#size) return undefined;
    const first = this.#content.get(Math.floor(at / BLOCK_SIZE));
    const within = at % BLOCK_SIZE;
    if (first === undefined) return undefined;
    if (within + length <= first.length) return new DataView(first.buffer, first.byteOffset + within, length);
    const joined = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const block = this.#content.get(Math.floor((at + done) / BLOCK_SIZE));
      const part = block?.subarray((at + done) % BLOCK_SIZE).subarray(0, length - done);
      if (part === undefined || part.length === 0) return undefined;
      joined.set(part, done);
      done += part.length;
    }
    return new DataView(joined.buffer);
  }

  async #loadGroup(blocks: readonly number[]): Promise<void> {
    const first = blocks[0];
    const last = blocks.at(-1);
    if (first === undefined || last === undefined) return;
    if (await this.#loadRun(first, last)) return;
    if (first === last) return;
    for (const block of blocks) {
      if (this.#failuresLeft === 0) return;
      if (!(await this.#loadRun(block, block))) this.#failuresLeft--;
    }
  }

  async #loadRun(first: number, last: number): Promise<boolean> {
    const at = first * BLOCK_SIZE;
    const length = Math.min((last + 1) * BLOCK_SIZE, this.#size) - at;
    const content = await this.#read(bytes(at), length);
    if (content === undefined || content.length < length) return false;
    for (let block = first; block <= last; block++) {
      const from = (block - first) * BLOCK_SIZE;
      this.#content.set(block, content.subarray(from, Math.min(from + BLOCK_SIZE, length)));
    }
    return true;
  }
}
