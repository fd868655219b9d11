/** What xfs_db(8) is asked about an XFS filesystem, and what it answers. */
import { nobody, type Owner } from './owner.js';

/** Of one filesystem: what it takes to know which sectors an answer is about. */
export interface XfsShape {
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks in an allocation group, and in all. */
  readonly groupBlocks: number;
  readonly blocks: number;
}

export const SHAPE_COMMANDS = ['sb 0', 'print blocksize agblocks dblocks'];

export function readShape(output: string): XfsShape | undefined {
  const value = (name: string) => Number(new RegExp(`^${name} = (\\d+)$`, 'm').exec(output)?.[1]);
  const shape = { blockSize: value('blocksize'), groupBlocks: value('agblocks'), blocks: value('dblocks') };
  return Object.values(shape).every((one) => Number.isSafeInteger(one) && one > 0) ? shape : undefined;
}

const NOTES: { readonly [type: string]: string } = {
  rldata: 'shared with other files, which xfs_db does not name',
};

/** @param blocks counted from the start of the filesystem */
export function useCommands(blocks: readonly number[], { blockSize }: XfsShape): string[] {
  // in sectors: the numbers of blocks that xfs_db takes are no plain count
  const each = blocks.flatMap((block) => [`daddr ${(block * blockSize) / 512}`, 'blockuse -n']);
  return ['blockget -n', ...each];
}

/** Whose each block is. Those without an answer are left out. */
export function readUses(output: string, { groupBlocks }: XfsShape): Map<number, Owner> {
  const owners = new Map<number, Owner>();
  const answers = output.matchAll(/^block \d+ \((\d+)\/(\d+)\) type (\S+)(?: inode (\d+)(?: (.*))?)?$/gm);
  for (const [, group, block, type = '', inode, path] of answers)
    owners.set(
      Number(group) * groupBlocks + Number(block),
      inode === undefined
        ? nobody(/^free/.test(type) ? 'free' : `of the filesystem itself: ${type}`)
        : {
            inode: Number(inode),
            paths: path === undefined ? [] : [`/${path}`],
            note:
              NOTES[type] ?? (type !== 'data' ? type : path === undefined ? 'a file without a name' : null),
          },
    );
  return owners;
}
