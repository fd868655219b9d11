import { type Bytes, bytes, roundDown } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import { FilterDevice } from './filter-device.js';

/** Contents of logical blocks, by their number on the device. */
export type Blocks = ReadonlyMap<number, Uint8Array>;

/** A device whose writes stay in memory: what it would be after a change, with nothing written. */
export class OverlayDevice extends FilterDevice {
  readonly #blocks: Map<number, Uint8Array>;

  /**
   * @param inner is only read
   * @param blocks what the device holds in other places than `inner` does
   */
  constructor(inner: BlockDevice, blocks: Blocks = new Map()) {
    super(inner);
    this.#blocks = new Map(blocks);
  }

  /** What was written, and what was there from the start. */
  get blocks(): Blocks {
    return this.#blocks;
  }

  override get writable(): boolean {
    return true;
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    await this.inner.read(at, into);
    for (const [number, block] of this.#within(at, into.length)) {
      const from = number * this.logicalBlockSize;
      const start = Math.max(from, at);
      const end = Math.min(from + block.length, at + into.length);
      if (start < end) into.set(block.subarray(start - from, end - from), start - at);
    }
  }

  override async readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    await this.read(at, into);
    return false;
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    const size = this.logicalBlockSize;
    for (let block = roundDown(at, size); block < at + from.length; block += size) {
      const start = Math.max(block, at);
      const end = Math.min(block + size, at + from.length);
      const content = new Uint8Array(size);
      if (end - start < size) await this.read(bytes(block), content);
      content.set(from.subarray(start - at, end - at), start - block);
      this.#blocks.set(block / size, content);
    }
  }

  override async flush(): Promise<void> {}

  /** The blocks of a stretch: found by their numbers, or among all where those are fewer. */
  *#within(at: number, length: number): Generator<readonly [number, Uint8Array]> {
    const first = Math.floor(at / this.logicalBlockSize);
    const past = Math.ceil((at + length) / this.logicalBlockSize);
    if (this.#blocks.size < past - first) {
      yield* this.#blocks;
      return;
    }
    for (let number = first; number < past; number++) {
      const block = this.#blocks.get(number);
      if (block !== undefined) yield [number, block];
    }
  }
}
