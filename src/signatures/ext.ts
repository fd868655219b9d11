import { hex, type SignatureRow, start } from './signature.js';

/** ext2, ext3 and ext4 share superblock and magic; the feature bits tell them apart. */

const COMPAT = 92;
const INCOMPAT = 96;
const RO_COMPAT = 100;

const HAS_JOURNAL = 0x4;
const JOURNAL_DEVICE = 0x8;
/** filetype, recover, meta_bg: what ext3 knows. Any other bit is ext4's. */
const EXT3_INCOMPAT = 0x2 | 0x4 | 0x10;
/** sparse_super, large_file, btree_dir: what ext3 knows. */
const EXT3_RO_COMPAT = 0x1 | 0x2 | 0x4;

type Kind = 'ext2' | 'ext3' | 'ext4' | 'journal';

/**
 * The kind of this superblock; undefined if it cannot be one. The magic has only two bytes: block size, first
 * data block and revision hold values so small that chance does not meet them.
 */
function extKind(superblock: DataView): Kind | undefined {
  const firstDataBlock = superblock.getUint32(20, true);
  const logBlockSize = superblock.getUint32(24, true);
  const revision = superblock.getUint32(76, true);
  if (firstDataBlock > 1 || logBlockSize > 6 || revision > 1) return undefined;
  const incompat = superblock.getUint32(INCOMPAT, true);
  if (incompat & JOURNAL_DEVICE) return 'journal';
  const laterIncompat = (incompat & ~EXT3_INCOMPAT) !== 0;
  const laterRoCompat = (superblock.getUint32(RO_COMPAT, true) & ~EXT3_RO_COMPAT) !== 0;
  if (laterIncompat || laterRoCompat) return 'ext4';
  return superblock.getUint32(COMPAT, true) & HAS_JOURNAL ? 'ext3' : 'ext2';
}

function row(id: string, name: string, kind: Kind): SignatureRow {
  return {
    id,
    name,
    places: [start(1024)],
    magicAt: 56,
    magics: [hex('53 ef')],
    needs: 104,
    plausible: (superblock) => extKind(superblock) === kind,
  };
}

export const extRows: readonly SignatureRow[] = [
  row('ext2', 'ext2 filesystem', 'ext2'),
  row('ext3', 'ext3 filesystem', 'ext3'),
  row('ext4', 'ext4 filesystem', 'ext4'),
  row('ext-journal', 'external journal of an ext filesystem', 'journal'),
];
