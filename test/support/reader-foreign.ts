import { crc32, ENTRY_LENGTH, HEADER_LENGTH, SECTOR, u32 } from './format-numbers.js';
import { hasMagic } from './reader-copies.js';

/** What else may lie where a copy was: somebody's filesystem, or what the kernel module writes. */

/** Whether a live entry uses this sector of the spare: what lies there is data, whatever it looks like. */
type IsData = (sector: number) => boolean;

/** GPT counts in the logical blocks of the disk it was made for. */
const GPT_BLOCKS = [512, 4096];

function textAt(image: Buffer, at: number, text: string): boolean {
  return at >= 0 && image.subarray(at, at + text.length).equals(Buffer.from(text));
}

/** The name of a foreign signature that a rewritten primary would destroy. */
export function foreignAtFront(image: Buffer, isData: IsData): string | undefined {
  if (isExt(image)) return 'ext2/3/4';
  if (GPT_BLOCKS.some((block) => textAt(image, block, 'EFI PART'))) return 'GPT';
  if (isMbr(image)) return 'MBR';
  if (textAt(image, 0, 'XFSB')) return 'XFS';
  if (image.subarray(0, 6).equals(LUKS)) return 'LUKS';
  if (textAt(image, 4086, 'SWAPSPACE2')) return 'swap';
  if (textAt(image, 65_600, '_BHRfS_M') && !isData(65_536 / SECTOR)) return 'btrfs';
  if ([0, 1, 2, 3].some((sector) => textAt(image, sector * SECTOR, 'LABELONE'))) return 'LVM';
  return undefined;
}

const LUKS = Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]);

/** The same for the end of the device. */
export function foreignAtEnd(image: Buffer, isData: IsData): string | undefined {
  const lastOf = (block: number) => Math.floor(image.length / block) * block - block;
  const found = GPT_BLOCKS.map(lastOf).some((at) => textAt(image, at, 'EFI PART') && !isData(at / SECTOR));
  return found ? 'GPT (backup)' : undefined;
}

/** The magic at 1080, in a superblock at 1024 that has blocks, inodes and a block size. */
function isExt(image: Buffer): boolean {
  if (image.readUInt16LE(1080) !== 0xef53) return false;
  const inodes = image.readUInt32LE(1024);
  const blocks = image.readUInt32LE(1028);
  const logBlockSize = image.readUInt32LE(1048);
  return inodes > 0 && blocks > 0 && logBlockSize <= 6;
}

function isMbr(image: Buffer): boolean {
  if (image.readUInt16BE(510) !== 0x55aa) return false;
  return [446, 462, 478, 494].every((at) => image[at] === 0 || image[at] === 0x80);
}

/** The kernel module's header struct is eight bytes longer than its place (section 7). */
const MODULE_HEADER = 4104;
const MODULE_ENTRIES = 252;

/** An image that the kernel module accepts: its checksum, over itself as it lies, is what is stored. */
export function isModuleImage(image: Buffer): boolean {
  const header = image.subarray(0, HEADER_LENGTH);
  if (!hasMagic(header) || u32(header, 'max_entries') !== MODULE_ENTRIES) return false;
  const count = u32(header, 'entry_count');
  if (count > MODULE_ENTRIES || image.length < 2 * HEADER_LENGTH) return false;
  const table = image.subarray(HEADER_LENGTH, HEADER_LENGTH + count * ENTRY_LENGTH);
  // The checksum starts behind the first four bytes, and counts its own field.
  return crc32([image.subarray(4, MODULE_HEADER), table], 0, 0) === u32(header, 'checksum');
}
