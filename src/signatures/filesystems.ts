import { ascii, hex, isPowerOfTwo, type SignatureRow, start } from './signature.js';

/** Filesystems of Linux and those that stand on one distinct magic. ext and FAT have files of their own. */

/** XFS: block size, sector size and version number have to be possible ones (all big-endian). */
function xfsPlausible(superblock: DataView): boolean {
  const blockSize = superblock.getUint32(4);
  const sectorSize = superblock.getUint16(102);
  const version = superblock.getUint16(100) & 0xf;
  return (
    isPowerOfTwo(blockSize) &&
    blockSize >= 512 &&
    blockSize <= 65536 &&
    isPowerOfTwo(sectorSize) &&
    sectorSize >= 512 &&
    sectorSize <= 32768 &&
    version >= 1 &&
    version <= 5 &&
    superblock.getUint32(88) > 0
  );
}

/** F2FS: sectors and blocks must agree, and a segment has always 512 blocks. */
function f2fsPlausible(superblock: DataView): boolean {
  const logSector = superblock.getUint32(8, true);
  const logSectorsPerBlock = superblock.getUint32(12, true);
  const logBlock = superblock.getUint32(16, true);
  return (
    logSector >= 9 &&
    logBlock >= 12 &&
    logBlock <= 16 &&
    logSector + logSectorsPerBlock === logBlock &&
    superblock.getUint32(20, true) === 9
  );
}

/** ISO 9660: a volume descriptor of a known type, version 1 (2 in the enhanced descriptor). */
function isoPlausible(descriptor: DataView): boolean {
  const type = descriptor.getUint8(0);
  const version = descriptor.getUint8(6);
  return (type <= 3 || type === 255) && (version === 1 || version === 2);
}

/** JFS: version 1 or 2, and a block size that some system has used. */
function jfsPlausible(superblock: DataView): boolean {
  const version = superblock.getUint32(4, true);
  const blockSize = superblock.getUint32(16, true);
  return version >= 1 && version <= 2 && isPowerOfTwo(blockSize) && blockSize >= 512 && blockSize <= 4096;
}

export const filesystemRows: readonly SignatureRow[] = [
  {
    id: 'xfs',
    name: 'XFS filesystem',
    places: [start(0)],
    magicAt: 0,
    magics: [ascii('XFSB')],
    needs: 104,
    plausible: xfsPlausible,
  },
  {
    id: 'btrfs',
    name: 'Btrfs filesystem',
    places: [start(65536)],
    magicAt: 64,
    magics: [ascii('_BHRfS_M')],
  },
  {
    id: 'f2fs',
    name: 'F2FS filesystem',
    // The second superblock serves when the first is gone.
    places: [start(1024), start(4096 + 1024)],
    magicAt: 0,
    magics: [hex('10 20 f5 f2')],
    needs: 24,
    plausible: f2fsPlausible,
  },
  {
    id: 'iso9660',
    name: 'ISO 9660 filesystem',
    places: [start(32768)],
    magicAt: 1,
    magics: [ascii('CD001')],
    needs: 8,
    plausible: isoPlausible,
  },
  {
    id: 'udf',
    name: 'UDF filesystem',
    places: [start(32768)],
    magicAt: 1,
    magics: [ascii('BEA01')],
    needs: 8,
    plausible: (descriptor) => descriptor.getUint8(0) === 0 && descriptor.getUint8(6) === 1,
  },
  {
    id: 'squashfs',
    name: 'SquashFS filesystem',
    places: [start(0)],
    magicAt: 0,
    magics: [ascii('hsqs')],
    needs: 32,
    plausible: (superblock) =>
      isPowerOfTwo(superblock.getUint32(12, true)) && superblock.getUint16(28, true) === 4,
  },
  {
    id: 'erofs',
    name: 'EROFS filesystem',
    places: [start(1024)],
    magicAt: 0,
    magics: [hex('e2 e1 f5 e0')],
    needs: 64,
    plausible: (superblock) => superblock.getUint8(12) >= 9 && superblock.getUint8(12) <= 16,
  },
  {
    id: 'jfs',
    name: 'JFS filesystem',
    places: [start(32768)],
    magicAt: 0,
    magics: [ascii('JFS1')],
    needs: 24,
    plausible: jfsPlausible,
  },
  {
    id: 'reiserfs',
    name: 'ReiserFS filesystem',
    places: [start(65536), start(8192)],
    magicAt: 52,
    magics: [ascii('ReIsErFs'), ascii('ReIsEr2F'), ascii('ReIsEr3F')],
  },
  {
    id: 'apfs',
    name: 'APFS container',
    places: [start(0)],
    magicAt: 32,
    magics: [ascii('NXSB')],
    needs: 40,
    plausible: (superblock) => {
      const blockSize = superblock.getUint32(36, true);
      return isPowerOfTwo(blockSize) && blockSize >= 4096 && blockSize <= 65536;
    },
  },
];
