import { BLOCK_SIZE, type Bytes, bytes, roundDown } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import { FilterDevice } from './filter-device.js';

/** A device whose writes stay in memory: what it would be after a change, with nothing written. */
export class OverlayDevice extends FilterDevice {
  readonly #blocks = new Map<number, Uint8Array>();

  /** @param inner is only read */
  constructor(inner: BlockDevice) {
    super(inner);
  }

  override get writable(): boolean {
    return true;
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    await this.inner.read(at, into);
    for (const [from, block] of this.#blocks) {
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
    for (let block = roundDown(at, BLOCK_SIZE); block < at + from.length; block += BLOCK_SIZE) {
      const content = this.#blocks.get(block) ?? (await this.#blockOf(block));
      const start = Math.max(block, at);
      const end = Math.min(block + content.length, at + from.length);
      content.set(from.subarray(start - at, end - at), start - block);
      this.#blocks.set(block, content);
    }
  }

  override async flush(): Promise<void> {}

  async #blockOf(block: number): Promise<Uint8Array> {
    const content = new Uint8Array(Math.min(BLOCK_SIZE, this.size - block));
    await this.inner.read(bytes(block), content);
    return content;
  }
}
