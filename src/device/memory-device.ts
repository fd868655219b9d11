import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors } from '../units.js';
import type { BlockDevice } from './block-device.js';

export interface MemoryDeviceOptions {
  readonly name?: string;
  readonly logicalBlockSize?: number;
  readonly physicalBlockSize?: number;
  readonly writable?: boolean;
}

/** A device over bytes in memory, which the caller may look at and change underneath. */
export class MemoryDevice implements BlockDevice {
  readonly name: string;
  readonly size: Bytes;
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  readonly writable: boolean;
  readonly content: Uint8Array;

  constructor(content: Uint8Array, options: MemoryDeviceOptions = {}) {
    this.content = content;
    this.size = bytes(content.length);
    this.name = options.name ?? 'memory';
    this.logicalBlockSize = options.logicalBlockSize ?? 512;
    this.physicalBlockSize = options.physicalBlockSize ?? this.logicalBlockSize;
    this.writable = options.writable ?? true;
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    if (at < 0 || at + into.length > this.size)
      throw new DeviceError(this.name, 'read', 'EINVAL', bytesToSectors(at));
    into.set(this.content.subarray(at, at + into.length));
  }

  async write(at: Bytes, from: Uint8Array): Promise<void> {
    if (!this.writable) throw new DeviceError(this.name, 'write', 'EBADF', bytesToSectors(at));
    if (at < 0 || at + from.length > this.size)
      throw new DeviceError(this.name, 'write', 'ENOSPC', bytesToSectors(at));
    this.content.set(from, at);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
