import type { BlockDevice } from '../device/block-device.js';
import { writeCarefully } from '../device/careful-write.js';
import { ConcurrentFile } from '../device/concurrent-file.js';
import { isMediumError } from '../device/errnos.js';
import type { FileDevice } from '../device/file-device.js';
import { readPastCache } from '../device/past-cache.js';
import { DeviceError } from '../errors.js';
import type { Write } from '../store/phase.js';
import { bytes, bytesToSectors, SECTOR_SIZE } from '../units.js';

export interface WriteBackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes more are on the medium. */
  readonly progress?: ((more: number) => void) | undefined;
}

/**
 * Writes to a device, makes it durable and reads it back past the cache. What a failed flush covered is written
 * again piece by piece, each flushed by itself, since nobody says which of them it did not make durable.
 *
 * @param writes in whole logical blocks
 * @returns the sectors that the medium does not hold now
 * @throws DeviceError where the device is gone
 */
export async function writeBack(
  device: BlockDevice,
  writes: readonly Write[],
  { signal, progress }: WriteBackOptions = {},
): Promise<ReadonlySet<number>> {
  const refused = new Set<number>();
  const writeOne = async ({ at, bytes: content }: Write): Promise<void> => {
    signal?.throwIfAborted();
    for (const sector of await writeCarefully(device, at, content)) refused.add(sector);
  };
  for (const write of writes) await writeOne(write);
  if (!(await isFlushed(device)))
    for (const write of writes) {
      await writeOne(write);
      if (!(await isFlushed(device))) for (const sector of sectorsOf(write)) refused.add(sector);
    }
  for (const write of writes) {
    signal?.throwIfAborted();
    for (const sector of await differing(device, write)) refused.add(sector);
    progress?.(write.bytes.length);
  }
  return refused;
}

async function isFlushed(device: BlockDevice): Promise<boolean> {
  try {
    await device.flush();
    return true;
  } catch (error) {
    if (error instanceof DeviceError && isMediumError(error.errno)) return false;
    throw error;
  }
}

function sectorsOf({ at, bytes: { length } }: Write): number[] {
  const first = bytesToSectors(at);
  return Array.from({ length: length / SECTOR_SIZE }, (_, index) => first + index);
}

/** The sectors whose medium holds something else, or that it cannot read. */
async function differing(device: BlockDevice, write: Write): Promise<number[]> {
  const whole = await heldBy(device, write);
  if (whole !== undefined) return sectorsOf(write).filter((_, index) => !isEqual(whole, write.bytes, index));
  const unit = device.logicalBlockSize;
  if (write.bytes.length <= unit) return sectorsOf(write);
  const wrong: number[] = [];
  for (let done = 0; done < write.bytes.length; done += unit)
    wrong.push(
      ...(await differing(device, {
        at: bytes(write.at + done),
        bytes: write.bytes.subarray(done, done + unit),
      })),
    );
  return wrong;
}

/** How often a piece is read before it is cut, or given up. */
const READINGS = 2;

/** What the medium holds there; undefined where it cannot be read. */
async function heldBy(
  device: BlockDevice,
  { at, bytes: { length } }: Write,
): Promise<Uint8Array | undefined> {
  const found = new Uint8Array(length);
  for (let reading = 0; reading < READINGS; reading++)
    try {
      await readPastCache(device, at, found);
      return found;
    } catch (error) {
      if (!(error instanceof DeviceError) || !isMediumError(error.errno)) throw error;
    }
  return undefined;
}

function isEqual(one: Uint8Array, other: Uint8Array, index: number): boolean {
  const [from, to] = [index * SECTOR_SIZE, (index + 1) * SECTOR_SIZE];
  return Buffer.compare(one.subarray(from, to), other.subarray(from, to)) === 0;
}

/**
 * A device as it has to be written: on a disk an error shows only in the request that meets it. Closed with the
 * device.
 */
export function asWritten(device: FileDevice): Promise<BlockDevice> | BlockDevice {
  return device.kind === 'block' ? ConcurrentFile.open(device, 'direct') : device;
}
