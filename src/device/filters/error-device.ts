import { DeviceError } from '../../errors.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../../units.js';
import { FilterDevice } from './filter-device.js';

/** Sectors that fail, as a medium's do. */
export interface Fault {
  /** First bad sector (512 bytes). */
  readonly sector: number;
  /** Bad sectors, 1 unless told. */
  readonly count?: number;
  /** Which requests fail; both unless told. */
  readonly on?: 'read' | 'write' | 'both';
  /** How often it fails before it works for good; always, unless told. */
  readonly times?: number;
  /** The system's name of the failure, EIO unless told. */
  readonly errno?: string;
}

interface LiveFault {
  readonly from: number;
  readonly to: number;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly errno: string;
  left: number;
}

/**
 * A device with bad sectors. As on a disk, a request that meets one fails as a whole and names the first bad
 * sector in it; of a failing write the sectors before the bad one are on the medium.
 */
export class ErrorDevice extends FilterDevice {
  /** Requests that failed so far. */
  readonly failed = { reads: 0, writes: 0, flushes: 0 };
  private faults: LiveFault[] = [];
  private failingFlushes: { left: number; readonly errno: string } = { left: 0, errno: 'EIO' };

  addFault(fault: Fault): void {
    const { sector, count = 1, on = 'both', times = Number.POSITIVE_INFINITY, errno = 'EIO' } = fault;
    this.faults.push({
      from: sector * SECTOR_SIZE,
      to: (sector + count) * SECTOR_SIZE,
      reads: on !== 'write',
      writes: on !== 'read',
      errno,
      left: times,
    });
  }

  /** The next `times` flushes fail, each before anything is made durable. */
  failFlushes(times: number = Number.POSITIVE_INFINITY, errno = 'EIO'): void {
    this.failingFlushes = { left: times, errno };
  }

  /** The medium is whole again. */
  clearFaults(): void {
    this.faults = [];
    this.failingFlushes = { left: 0, errno: 'EIO' };
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    this.checkRead(at, into.length);
    return super.read(at, into);
  }

  override async readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    this.checkRead(at, into.length);
    return super.readPastCache(at, into);
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    const fault = this.hit(at, from.length, (one) => one.writes);
    if (fault === undefined) return super.write(at, from);
    this.failed.writes += 1;
    const whole = fault.at - at;
    if (whole > 0) await super.write(at, from.subarray(0, whole));
    throw new DeviceError(this.name, 'write', fault.errno, fault.at / SECTOR_SIZE);
  }

  override async flush(): Promise<void> {
    if (this.failingFlushes.left > 0) {
      this.failingFlushes.left -= 1;
      this.failed.flushes += 1;
      throw new DeviceError(this.name, 'flush', this.failingFlushes.errno, undefined);
    }
    return super.flush();
  }

  private checkRead(at: Bytes, length: number): void {
    const fault = this.hit(at, length, (one) => one.reads);
    if (fault === undefined) return;
    this.failed.reads += 1;
    throw new DeviceError(this.name, 'read', fault.errno, fault.at / SECTOR_SIZE);
  }

  /** The first bad byte of a request, with its fault counted down; undefined when the request goes well. */
  private hit(
    at: number,
    length: number,
    applies: (fault: LiveFault) => boolean,
  ): { readonly at: Bytes; readonly errno: string } | undefined {
    const met = this.faults
      .filter((one) => one.left > 0 && applies(one) && one.from < at + length && one.to > at)
      .sort((a, b) => a.from - b.from)[0];
    if (met === undefined) return undefined;
    met.left -= 1;
    return { at: bytes(Math.max(at, met.from)), errno: met.errno };
  }
}
