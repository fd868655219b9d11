import { end, hex, type PlaceFacts, type SignatureRow, start } from './signature.js';

/** Superblocks of Linux software RAID (md), one row for each metadata version. */

const LITTLE = hex('fc 4e 2b a9');
const BIG = hex('a9 2b 4e fc');

/** What version 0.90 has room for. */
const MOST_DISKS = 27;

/**
 * Version 0.90 is written in the byte order of the machine that made it. Its first words may be met in a table
 * of sector numbers; the number of disks cannot.
 */
function oldPlausible(superblock: DataView): boolean {
  const little = superblock.getUint8(0) === 0xfc;
  const major = superblock.getUint32(4, little);
  const minor = superblock.getUint32(8, little);
  const disks = superblock.getUint32(36, little);
  return major === 0 && (minor === 90 || minor === 91) && disks >= 1 && disks <= MOST_DISKS;
}

/** Where a superblock of version 1 keeps its own sector number. */
const SUPER_OFFSET = 144;

/** Version 1 is little-endian and names the sector where it lies. */
function newPlausible(superblock: DataView, { at }: PlaceFacts): boolean {
  const sector = superblock.getBigUint64(SUPER_OFFSET, true);
  return superblock.getUint32(4, true) === 1 && sector === BigInt(at / 512);
}

const version1 = { magicAt: 0, magics: [LITTLE], needs: 152, plausible: newPlausible } as const;

export const mdRows: readonly SignatureRow[] = [
  {
    id: 'md-0.90',
    name: 'Linux RAID member (md 0.90)',
    places: [end(65536, 65536)],
    magicAt: 0,
    magics: [LITTLE, BIG],
    needs: 40,
    plausible: oldPlausible,
  },
  { id: 'md-1.0', name: 'Linux RAID member (md 1.0)', places: [end(8192, 4096)], ...version1 },
  { id: 'md-1.1', name: 'Linux RAID member (md 1.1)', places: [start(0)], ...version1 },
  { id: 'md-1.2', name: 'Linux RAID member (md 1.2)', places: [start(4096)], ...version1 },
];
