import { DeviceError } from '../../errors.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import { FilterDevice } from './filter-device.js';

/** A stretch of a device as a device of its own; errors name the sectors of the whole one. */
export class SliceDevice extends FilterDevice {
  private readonly start: number;
  private readonly length: Bytes;

  /** Bytes `start` … `start + length`, both multiples of 512; RangeError where that is not within `inner`. */
  constructor(inner: BlockDevice, start: Bytes, length: Bytes) {
    super(inner);
    const whole = start % SECTOR_SIZE === 0 && length % SECTOR_SIZE === 0;
    if (!whole || start < 0 || length < 0 || start + length > inner.size) {
      throw new RangeError(`${start}+${length} is no stretch of ${inner.name} (${inner.size} bytes)`);
    }
    this.start = start;
    this.length = length;
  }

  override get size(): Bytes {
    return this.length;
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    return super.read(this.place('read', at, into.length, 'EINVAL'), into);
  }

  override async readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    return super.readPastCache(this.place('read', at, into.length, 'EINVAL'), into);
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    return super.write(this.place('write', at, from.length, 'ENOSPC'), from);
  }

  private place(operation: 'read' | 'write', at: Bytes, length: number, errno: string): Bytes {
    if (at >= 0 && at + length <= this.length) return bytes(this.start + at);
    throw new DeviceError(this.name, operation, errno, bytesToSectors(this.start + at));
  }
}
