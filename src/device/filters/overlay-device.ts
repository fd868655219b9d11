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

  /** What has been written is not read from below: a bad sector is as good as the one that replaces it. */
  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    const size = this.logicalBlockSize;
    const end = at + into.length;
    for (let from: number = at; from < end; ) {
      const block = this.#blocks.get(Math.floor(from / size));
      let to = Math.min(roundDown(from, size) + size, end);
      if (block === undefined) {
        while (to < end && !this.#blocks.has(to / size)) to = Math.min(to + size, end);
        await this.inner.read(bytes(from), into.subarray(from - at, to - at));
      } else into.set(block.subarray(from % size, (from % size) + to - from), from - at);
      from = to;
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
}
