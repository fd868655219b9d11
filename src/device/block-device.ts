import type { Bytes } from '../units.js';

/**
 * What everything above knows of a disk: bytes at offsets. Files, memory and every filter implement it.
 * Requests lie within the device, in whole sectors of 512 bytes; a request is carried out whole or throws a
 * DeviceError that names the sector.
 */
export interface BlockDevice {
  /** As the user named it; used in messages. */
  readonly name: string;
  /** The real size. Always a multiple of 512. */
  readonly size: Bytes;
  /** The unit that a power cut leaves whole, 512 or 4096. */
  readonly logicalBlockSize: number;
  /** The unit in which the medium fails, 512 or 4096. */
  readonly physicalBlockSize: number;
  readonly writable: boolean;

  /** Fills `into` from `at`. */
  read(at: Bytes, into: Uint8Array): Promise<void>;
  /** Writes all of `from` at `at`; durable only after flush(). */
  write(at: Bytes, from: Uint8Array): Promise<void>;
  /** Returns when everything written before is durable. After a failure the content is unknown (format.md section 4). */
  flush(): Promise<void>;
  close(): Promise<void>;
}
