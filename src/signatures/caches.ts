import { end, hex, type SignatureRow, start } from './signature.js';

/**
 * bcache and its descendant bcachefs: superblock at 4096, magic at byte 24 of it. bcachefs first kept the
 * magic of bcache; what tells them apart is bcache's own sector number, 8, where bcachefs has a checksum.
 */

const BCACHE = hex('c6 85 73 f6 4e 1a 45 ca 82 65 f5 7f 48 ba 6d 81');
const BCACHEFS = hex('c6 85 73 f6 66 ce 90 a9 d9 6a 60 cf 80 3d f7 ef');

const SUPERBLOCK = 4096;
const MAGIC_AT = 24;
const MIB = 1024 * 1024;

/** bcache numbers its superblock versions 0 to 6. */
function isBcache(superblock: DataView): boolean {
  return superblock.getBigUint64(8, true) === 8n && superblock.getBigUint64(16, true) <= 6n;
}

function isNew(superblock: DataView): boolean {
  return BCACHEFS.every((byte, index) => superblock.getUint8(MAGIC_AT + index) === byte);
}

/** The last copy begins a MiB before the end, rounded down to a bucket, which has one of these lengths. */
const BUCKETS = [MIB / 8, MIB / 4, MIB / 2, MIB, 2 * MIB];

export const cacheRows: readonly SignatureRow[] = [
  {
    id: 'bcache',
    name: 'bcache device',
    places: [start(SUPERBLOCK)],
    magicAt: MAGIC_AT,
    magics: [BCACHE],
    needs: 40,
    plausible: isBcache,
  },
  {
    id: 'bcachefs',
    name: 'bcachefs filesystem',
    places: [start(SUPERBLOCK)],
    magicAt: MAGIC_AT,
    magics: [BCACHE, BCACHEFS],
    needs: 40,
    plausible: (superblock) => isNew(superblock) || !isBcache(superblock),
  },
  {
    id: 'bcachefs-layout',
    name: 'bcachefs filesystem (list of its superblocks)',
    places: [start(SUPERBLOCK - 512)],
    magicAt: 0,
    magics: [BCACHE, BCACHEFS],
  },
  {
    id: 'bcachefs-copy',
    name: 'bcachefs filesystem (copy of the superblock)',
    // The first copy follows the place kept for the superblock, one MiB unless told otherwise.
    places: [start(SUPERBLOCK + MIB), ...BUCKETS.map((bucket) => end(MIB, bucket))],
    magicAt: MAGIC_AT,
    magics: [BCACHE, BCACHEFS],
  },
];
