import { DeviceError } from '../../errors.js';
import { type Bytes, bytes } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import type { Medium } from '../crash/medium.js';
import type { Recording } from '../crash/recording.js';
import { FilterDevice } from './filter-device.js';

/**
 * Records what is written and flushed, by logical blocks, so that every state that a power cut could leave can
 * be told afterwards. A flush that the recording lets fail is answered with EIO.
 */
export class RecordingDevice extends FilterDevice {
  readonly #recording: Recording;
  readonly #medium: Medium;

  /** @param inner holds no unflushed writes now */
  constructor(inner: BlockDevice, recording: Recording) {
    super(inner);
    this.#recording = recording;
    this.#medium = recording.addMedium();
  }

  /** @throws Error for a write that is not in whole logical blocks: a power cut could leave half of one */
  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    const size = this.logicalBlockSize;
    if (at % size !== 0 || from.length % size !== 0)
      throw new Error(
        `a write of ${from.length} bytes at byte ${at} is not in whole blocks of ${size} bytes`,
      );
    for (let offset = 0; offset < from.length; offset += size) {
      const block = (at + offset) / size;
      const before = this.#medium.isOpen(block) ? undefined : new Uint8Array(size);
      if (before !== undefined) await this.inner.read(bytes(at + offset), before);
      this.#medium.write(block, from.slice(offset, offset + size), before);
    }
    await super.write(at, from);
  }

  override async flush(): Promise<void> {
    if (!this.#recording.flush(this.#medium)) throw new DeviceError(this.name, 'flush', 'EIO', undefined);
    await super.flush();
  }
}
