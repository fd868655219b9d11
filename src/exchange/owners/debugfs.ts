/** What debugfs(8) is asked about an ext filesystem, and what it answers. */
import { nobody, type Owner } from './owner.js';

/** Inodes that ext keeps for itself and that have no name. */
const OWN: { readonly [inode: number]: string } = {
  1: 'the list of bad blocks',
  7: 'room for the group descriptors to grow',
  8: 'the journal',
};

export const HEAD_REQUEST = 'show_super_stats -h';

/** Bytes in a block; undefined where the filesystem could not be opened. */
export function readBlockSize(output: string): number | undefined {
  const size = Number(/^Block size:\s+(\d+)$/m.exec(output)?.[1]);
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}

export function icheckRequest(blocks: readonly number[]): string {
  return `icheck ${blocks.join(' ')}`;
}

/** Which inode has a block; null for those that none has. Blocks without an answer are left out. */
export function readInodes(output: string): Map<number, number | null> {
  const inodes = new Map<number, number | null>();
  for (const [, block, inode] of output.matchAll(/^(\d+)\t(?:(\d+)|<block not found>)$/gm))
    inodes.set(Number(block), inode === undefined ? null : Number(inode));
  return inodes;
}

export function ncheckRequest(inodes: Iterable<number>): string {
  return `ncheck ${[...inodes].join(' ')}`;
}

/** The names of inodes. A name may hold a line feed: what is no new answer goes on with the one before. */
export function readNames(output: string): Map<number, string[]> {
  const names = new Map<number, string[]>();
  let last: string[] | undefined;
  for (const line of output.replace(/\n$/, '').split('\n').slice(1)) {
    const [, inode, path] = /^(\d+)\t(.*)$/.exec(line) ?? [];
    if (inode !== undefined && path !== undefined) {
      last = names.get(Number(inode)) ?? [];
      // the root is a slash, and every name below it has one more
      last.push(path.replace(/^\/\//, '/'));
      names.set(Number(inode), last);
    } else if (last !== undefined) last.push(`${last.pop()}\n${line}`);
  }
  return names;
}

export function extOwner(
  inode: number | null | undefined,
  names: ReadonlyMap<number, readonly string[]>,
): Owner {
  if (inode === undefined) return nobody('debugfs did not say');
  if (inode === null) return nobody('no file: free, or of the filesystem itself');
  const paths = names.get(inode) ?? [];
  return { inode, paths, note: OWN[inode] ?? (paths.length === 0 ? 'a file without a name' : null) };
}
