import type { BigIntStats } from 'node:fs';
import { constants, realpathSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { DmremapError } from '../errors.js';
import { BLOCK_SIZE, type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import { FileDevice, type FileDeviceFacts } from './file-device.js';
import { type BlockNode, blockFacts, blockNode, formatDeviceNumber, type Roots, withRoots } from './sysfs.js';

export type OpenMode = 'read' | 'exclusive' | 'held';

export interface OpenOptions {
  /**
   * 'read' opens read-only, takes no lock and writes nothing, whoever else uses the device. 'exclusive' opens for
   * writing and keeps everybody out who asks: mounts, device-mapper and other openers of a block device through
   * O_EXCL, other runs of this program and all who use fcntl locks through a lock over the whole file or node.
   * 'held' is for what cannot be written: opens read-only and refuses what is in use.
   */
  readonly mode: OpenMode;
  /**
   * With 'exclusive', "MAJ:MIN" of a device-mapper device that may lie over a block device and has the claim that
   * O_EXCL would take; nobody else may use it. What the mapping writes passes the page cache by, so this does, too.
   */
  readonly below?: string | undefined;
  readonly roots?: Partial<Roots>;
}

/**
 * Opens an image file or a block device. Throws DmremapError: no-such-device, not-a-device (also a size that is
 * no multiple of 512), permission (also what is read-only, with 'exclusive'), too-small (below 4096 bytes),
 * busy (with the holders in data.holders), unsupported (logical blocks above 4096 bytes, with 'exclusive'),
 * usage (a folder), io.
 */
export async function openDevice(path: string, options: OpenOptions): Promise<FileDevice> {
  const roots = withRoots(options.roots);
  const exclusive = options.mode === 'exclusive';
  try {
    // Looked at before it is opened: opening a fifo would wait for its other end.
    const before = await stat(path, { bigint: true });
    const kind = deviceKind(path, before);
    if (exclusive && kind === 'block')
      refuseReadOnly(path, blockNode(formatDeviceNumber(before.rdev), roots));
    const below = kind === 'block' ? await holding(before, options.below, roots) : undefined;
    const handle = await open(path, openFlags(kind, options.mode, below));
    try {
      const device = new FileDevice(handle, await findFacts(path, handle, { ...options, below }, roots));
      return below === undefined ? device : await pastTheCache(device);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof DmremapError) throw error;
    const { openFailure } = await import('./open-errors.js');
    throw await openFailure(path, exclusive, error, roots);
  }
}

/** The mapping, if it lies over the device at all. */
async function holding(
  { rdev }: BigIntStats,
  below: string | undefined,
  roots: Roots,
): Promise<string | undefined> {
  if (below === undefined) return undefined;
  const { isHeldBy } = await import('./holders.js');
  return isHeldBy(formatDeviceNumber(rdev), below, roots) ? below : undefined;
}

async function pastTheCache(device: FileDevice): Promise<FileDevice> {
  const { pastTheCache } = await import('./direct-file.js');
  return pastTheCache(device);
}

function openFlags(kind: 'image' | 'block', mode: OpenMode, below: string | undefined): number {
  const access = mode === 'exclusive' ? constants.O_RDWR : constants.O_RDONLY;
  // O_EXCL claims a block device; on a file it would mean nothing without O_CREAT. O_NONBLOCK is for a fifo that
  // took the file's place just now; on a block device it would hide that there is no medium.
  if (kind === 'block') return mode === 'read' || below !== undefined ? access : access | constants.O_EXCL;
  return access | constants.O_NONBLOCK | constants.O_NOCTTY;
}

/** What kind of device a file is; throws for everything that is none. */
function deviceKind(path: string, stats: BigIntStats): 'image' | 'block' {
  if (stats.isFile()) return 'image';
  if (stats.isBlockDevice()) return 'block';
  const hint = 'name a block device or an image file';
  if (stats.isDirectory()) throw new DmremapError('usage', `${path} is a directory`, { hint });
  const what = stats.isFIFO() ? 'a fifo' : stats.isSocket() ? 'a socket' : 'a character device';
  throw new DmremapError('not-a-device', `${path} is ${what}`, { hint });
}

function refuseReadOnly(path: string, node: BlockNode | undefined): void {
  if (node === undefined || !blockFacts(node).readOnly) return;
  throw new DmremapError('permission', `${path} cannot be written: the device is read-only`, {
    hint: `if it should not be: blockdev --setrw ${path}`,
  });
}

async function findFacts(
  path: string,
  handle: FileHandle,
  { mode, below }: OpenOptions,
  roots: Roots,
): Promise<FileDeviceFacts> {
  const exclusive = mode === 'exclusive';
  const stats = await handle.stat({ bigint: true });
  const kind = deviceKind(path, stats);
  const realPath = realpathSync.native(path);
  const shape =
    kind === 'image'
      ? { ...IMAGE_SHAPE, deviceNumber: undefined, size: bytes(Number(stats.size)) }
      : await blockShape(path, handle, formatDeviceNumber(stats.rdev), roots);
  checkSize(path, shape.size, kind);
  if (exclusive && shape.logicalBlockSize > BLOCK_SIZE) {
    throw new DmremapError(
      'unsupported',
      `${path} has logical blocks of ${shape.logicalBlockSize} bytes; the format needs blocks of at most 4096`,
    );
  }
  const facts = { path, realPath, kind, dev: stats.dev, ino: stats.ino, ...shape, writable: exclusive };
  if (mode === 'read') return { ...facts, unlocked: undefined };
  const { claim } = await import('./claim.js');
  return { ...facts, unlocked: claim(handle.fd, facts, roots, below) };
}

const IMAGE_SHAPE = { logicalBlockSize: 512, physicalBlockSize: 512, rotational: undefined };

async function blockShape(
  path: string,
  handle: FileHandle,
  deviceNumber: string,
  roots: Roots,
): Promise<
  Pick<FileDeviceFacts, 'deviceNumber' | 'size' | 'logicalBlockSize' | 'physicalBlockSize' | 'rotational'>
> {
  const node = blockNode(deviceNumber, roots);
  const facts = node === undefined ? undefined : blockFacts(node);
  const logicalBlockSize = facts?.logicalBlockSize ?? 512;
  let size: number | undefined = facts?.sectors === undefined ? undefined : facts.sectors * SECTOR_SIZE;
  size ??= (await import('./syscalls.js')).endOf(handle.fd);
  if (size === undefined) {
    throw new DmremapError(
      'not-a-device',
      `${path}: the size of block device ${deviceNumber} cannot be found`,
      {
        hint: 'is /sys mounted?',
      },
    );
  }
  return {
    deviceNumber,
    size: bytes(size),
    logicalBlockSize,
    // Larger "physical" blocks are a drive's wish for aligned writes, not the unit in which it fails.
    physicalBlockSize: Math.max(logicalBlockSize, Math.min(facts?.physicalBlockSize ?? 512, BLOCK_SIZE)),
    rotational: facts?.rotational,
  };
}

function checkSize(path: string, size: Bytes, kind: 'image' | 'block'): void {
  const data = { size };
  if (size === 0 && kind === 'block') {
    throw new DmremapError('no-such-device', `${path} has no medium, or nothing is attached to it`);
  }
  if (size < BLOCK_SIZE) {
    const text = size === 0 ? 'is empty' : `has ${size} bytes`;
    throw new DmremapError('too-small', `${path} ${text}; a header alone takes 4096`, { data });
  }
  if (size % SECTOR_SIZE !== 0) {
    throw new DmremapError('not-a-device', `${path} has ${size} bytes, which is no multiple of 512`, {
      hint: 'an image that was cut short or has something appended? truncate(1) can round its size',
      data,
    });
  }
}
