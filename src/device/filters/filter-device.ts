import type { Bytes } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import { failsInPages, type ReadsPastCache, readPastCache } from '../past-cache.js';

/** One device around another that changes nothing; filters override what they are about. */
export class FilterDevice implements BlockDevice, ReadsPastCache {
  readonly inner: BlockDevice;

  constructor(inner: BlockDevice) {
    this.inner = inner;
  }

  get name(): string {
    return this.inner.name;
  }

  get size(): Bytes {
    return this.inner.size;
  }

  get logicalBlockSize(): number {
    return this.inner.logicalBlockSize;
  }

  get physicalBlockSize(): number {
    return this.inner.physicalBlockSize;
  }

  get writable(): boolean {
    return this.inner.writable;
  }

  get failsInPages(): boolean {
    return failsInPages(this.inner);
  }

  read(at: Bytes, into: Uint8Array): Promise<void> {
    return this.inner.read(at, into);
  }

  readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    return readPastCache(this.inner, at, into);
  }

  write(at: Bytes, from: Uint8Array): Promise<void> {
    return this.inner.write(at, from);
  }

  flush(): Promise<void> {
    return this.inner.flush();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
