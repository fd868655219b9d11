/** What `btrfs inspect-internal` is asked about a btrfs filesystem, and what its answers mean. */
import { type BtrfsNode, type Item, isType, type Key, keyOf, readObject } from './btrfs-node.js';

export const SUPER_REQUEST = ['inspect-internal', 'dump-super'];

/** Without a look at other devices: a clone of this one would be taken for it. */
const TREE_REQUEST = ['inspect-internal', 'dump-tree', '--noscan'];
export const CHUNKS_REQUEST = [...TREE_REQUEST, '-t', 'chunk'];

export function nodesRequest(blocks: readonly bigint[]): string[] {
  return [...TREE_REQUEST, ...blocks.flatMap((block) => ['-b', String(block)])];
}

/** Of one filesystem; sizes in bytes. */
export interface BtrfsShape {
  readonly devices: number;
  readonly blockSize: number;
  readonly nodeSize: bigint;
  /** Where the tree of the roots of all other trees begins. */
  readonly rootTree: bigint;
  /** Where the tree of chunks begins. */
  readonly chunkTree: bigint;
  /** Files were written and synced that the trees do not yet have. */
  readonly hasLog: boolean;
}

/** Undefined where the filesystem could not be opened. */
export function readSuper(output: string): BtrfsShape | undefined {
  const value = (name: string) => Number(new RegExp(`^${name}\\t+(\\d+)`, 'm').exec(output)?.[1]);
  const [devices, blockSize, nodeSize, rootTree, chunkTree, log] = [
    value('num_devices'),
    value('sectorsize'),
    value('nodesize'),
    value('root'),
    value('chunk_root'),
    value('log_root'),
  ];
  if (
    ![devices, blockSize, nodeSize, rootTree, chunkTree].every((one) => Number.isSafeInteger(one) && one > 0)
  )
    return undefined;
  return {
    devices,
    blockSize,
    nodeSize: BigInt(nodeSize),
    rootTree: BigInt(rootTree),
    chunkTree: BigInt(chunkTree),
    hasLog: log !== 0,
  };
}

/** Copies of the superblock, by their place on the disk. */
export const SUPERS: readonly bigint[] = [1n << 16n, 1n << 26n, 1n << 38n];

/** A part of the disk that has addresses of the filesystem. */
export interface Stretch {
  readonly physical: bigint;
  readonly length: bigint;
  /** Undefined where the addresses do not simply count up. */
  readonly logical: bigint | undefined;
}

/**
 * All stretches, from the whole tree of chunks. Undefined where a node of it is missing: what lies in no chunk that
 * is known might then be in one that is not.
 */
export function readStretches(
  nodes: ReadonlyMap<bigint, BtrfsNode>,
  { chunkTree }: BtrfsShape,
): Stretch[] | undefined {
  const all = [...nodes.values()];
  const named = [chunkTree, ...all.flatMap(({ pointers }) => pointers.map(({ block }) => block))];
  if (!named.every((block) => nodes.has(block))) return undefined;
  return all.flatMap(({ items }) => items.flatMap(stretchesOf));
}

function stretchesOf(chunk: Item): Stretch[] {
  if (!isType(chunk, 'CHUNK_ITEM')) return [];
  const text = chunk.lines.join('\n');
  const [, length, type = ''] = /^\t\tlength (\d+) .* type (\S+)$/m.exec(text) ?? [];
  const stripes = [...text.matchAll(/^\t\t\tstripe \d+ devid \d+ offset (\d+)$/gm)];
  if (length === undefined) return [];
  const isPlain = stripes.length === 1 || type.split('|').includes('DUP');
  return stripes.map(([, offset = '0']) => ({
    physical: BigInt(offset),
    length: BigInt(length),
    logical: isPlain ? chunk.key.offset : undefined,
  }));
}

/** The last item that may be of the extent at an address. */
export function lastAt(address: bigint): Key {
  return { objectid: address, type: 255, offset: (1n << 64n) - 1n };
}

export interface Extent {
  readonly start: bigint;
  readonly length: bigint;
  /** Of a tree's nodes, whose root the text names; else of files. */
  readonly tree: string | undefined;
}

/** Undefined for an item that is no extent. */
export function readExtent(item: Item, { nodeSize }: BtrfsShape): Extent | undefined {
  const isMetadata = isType(item, 'METADATA_ITEM');
  if (!isMetadata && !isType(item, 'EXTENT_ITEM')) return undefined;
  const text = item.lines.join('\n');
  const isTree = /^\t\trefs \d+ gen \d+ flags \S*TREE_BLOCK/m.test(text);
  const root = /tree block backref root (\S+)/.exec(text)?.[1] ?? 'shared by snapshots';
  return {
    start: item.key.objectid,
    length: isMetadata ? nodeSize : item.key.offset,
    tree: isTree ? root : undefined,
  };
}

/**
 * Who holds an extent: a file whose data would begin at `offset` if it held all of the extent, or whatever
 * files the leaf at `leaf` holds.
 */
export type Reference =
  | { readonly tree: bigint | undefined; readonly inode: bigint; readonly offset: bigint }
  | { readonly leaf: bigint };

/** @param items those at the extent's address */
export function referencesIn(items: readonly Item[]): Reference[] {
  return items.flatMap((item) => [
    ...item.lines.flatMap((line): Reference[] => {
      const [, tree = '', inode = '', offset = ''] =
        /extent data backref root (\S+) objectid (\S+) offset (-?\d+) count/.exec(line) ?? [];
      if (inode !== '')
        return [{ tree: readObject(tree), inode: readObject(inode) ?? 0n, offset: BigInt(offset) }];
      const [, leaf] = /shared data backref parent (\d+) count/.exec(line) ?? [];
      return leaf === undefined ? [] : [{ leaf: BigInt(leaf) }];
    }),
    ...(isType(item, 'SHARED_DATA_REF') ? [{ leaf: item.key.offset }] : []),
  ]);
}

/** Where a file has a part of an extent; sizes in bytes. */
export interface FileExtent {
  readonly inode: bigint;
  readonly fileOffset: bigint;
  readonly length: bigint;
  /** Where the extent begins, and how far in it this part does. */
  readonly start: bigint;
  readonly within: bigint;
  /** All of the extent is needed for any part of it. */
  readonly isCompressed: boolean;
}

/** Undefined for other items, for holes, and for data that lies in the item itself. */
export function readFileExtent(item: Item): FileExtent | undefined {
  if (!isType(item, 'EXTENT_DATA')) return undefined;
  const text = item.lines.join('\n');
  const [, start] = /extent data disk byte (\d+) nr/.exec(text) ?? [];
  const [, within, length] = /extent data offset (\d+) nr (\d+)/.exec(text) ?? [];
  if (start === undefined || start === '0' || within === undefined || length === undefined) return undefined;
  return {
    inode: item.key.objectid,
    fileOffset: item.key.offset,
    length: BigInt(length),
    start: BigInt(start),
    within: BigInt(within),
    isCompressed: /extent compression (?!0 )/.test(text),
  };
}

/** Bytes of a file that are compressed together, at most. */
const COMPRESSED_TOGETHER = 128n * 1024n;

/** Where a file must have an item if it needs the byte at this distance into the extent. */
export function placesInFile(
  inode: bigint,
  offset: bigint,
  distance: bigint,
  extent: Extent,
): readonly [from: Key, to: Key] {
  const place = (at: bigint) => keyOf(inode, 'EXTENT_DATA', at < 0n ? 0n : at);
  const first = BigInt.asIntN(64, offset);
  return extent.length > COMPRESSED_TOGETHER
    ? [place(first + distance), place(first + distance)]
    : [place(first), place(first + COMPRESSED_TOGETHER)];
}

/** Whether a file needs the byte at this distance into the extent for its part of it. */
export function needsByte(part: FileExtent, extent: Extent, distance: bigint): boolean {
  if (part.start !== extent.start) return false;
  return part.isCompressed || (distance >= part.within && distance < part.within + part.length);
}

/** A name, and the inode of the folder that has it. */
export interface Name {
  readonly folder: bigint;
  readonly name: string;
}

export function readNamesIn(item: Item): Name[] {
  if (isType(item, 'INODE_REF')) return item.names.map((name) => ({ folder: item.key.offset, name }));
  if (!isType(item, 'INODE_EXTREF')) return [];
  const folders = [...item.lines.join('\n').matchAll(/^\t\tindex \d+ parent (\d+) /gm)];
  return folders.flatMap(([, folder = '0'], index) => {
    const name = item.names[index];
    return name === undefined ? [] : [{ folder: BigInt(folder), name }];
  });
}

/** A tree of files: the topmost one has the number 5. */
export interface Subvolume {
  readonly id: bigint;
  readonly root: bigint;
}

/** The tree that an item of the tree of roots leads to; undefined for other items and for what was deleted. */
export function readRoot(item: Item): Subvolume | undefined {
  if (!isType(item, 'ROOT_ITEM')) return undefined;
  const text = item.lines.join('\n');
  const [, root] = /\bbytenr (\d+)/.exec(text) ?? [];
  const isDeleted = /^\t\tlast_snapshot .* refs 0$/m.test(text);
  return root === undefined || isDeleted ? undefined : { id: item.key.objectid, root: BigInt(root) };
}

/** In which folder of which subvolume this one stands. */
export function readParent(
  item: Item,
): (Name & { readonly child: bigint; readonly parent: bigint }) | undefined {
  if (!isType(item, 'ROOT_BACKREF')) return undefined;
  const [, folder] = /^\t\troot backref key dirid (\d+) /m.exec(item.lines.join('\n')) ?? [];
  const [name] = item.names;
  return folder === undefined || name === undefined
    ? undefined
    : { child: item.key.objectid, parent: item.key.offset, folder: BigInt(folder), name };
}
