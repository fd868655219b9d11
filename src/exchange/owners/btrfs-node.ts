/** Nodes of btrfs's trees as `btrfs inspect-internal dump-tree` prints them. */
import { BtrfsText } from './btrfs-text.js';

/** As btrfs orders items: by object, type and offset. */
export interface Key {
  readonly objectid: bigint;
  readonly type: number;
  readonly offset: bigint;
}

/** Types of items, by the names that are printed. */
const TYPES = {
  INODE_ITEM: 1,
  INODE_REF: 12,
  INODE_EXTREF: 13,
  XATTR_ITEM: 24,
  VERITY_DESC_ITEM: 36,
  VERITY_MERKLE_ITEM: 37,
  ORPHAN_ITEM: 48,
  DIR_LOG_ITEM: 60,
  DIR_LOG_INDEX: 72,
  DIR_ITEM: 84,
  DIR_INDEX: 96,
  EXTENT_DATA: 108,
  EXTENT_CSUM: 128,
  ROOT_ITEM: 132,
  ROOT_BACKREF: 144,
  ROOT_REF: 156,
  EXTENT_ITEM: 168,
  METADATA_ITEM: 169,
  EXTENT_OWNER_REF: 172,
  TREE_BLOCK_REF: 176,
  EXTENT_DATA_REF: 178,
  SHARED_BLOCK_REF: 182,
  SHARED_DATA_REF: 184,
  BLOCK_GROUP_ITEM: 192,
  DEV_EXTENT: 204,
  DEV_ITEM: 216,
  CHUNK_ITEM: 228,
  TEMPORARY_ITEM: 248,
  PERSISTENT_ITEM: 249,
} as const;

export type ItemType = keyof typeof TYPES;

/** Objects that are printed by name; the last ones count down from 2^64. */
const OBJECTS: { readonly [name: string]: bigint } = {
  ROOT_TREE: 1n,
  EXTENT_TREE: 2n,
  CHUNK_TREE: 3n,
  DEV_TREE: 4n,
  FS_TREE: 5n,
  ROOT_TREE_DIR: 6n,
  CSUM_TREE: 7n,
  QUOTA_TREE: 8n,
  UUID_TREE: 9n,
  FREE_SPACE_TREE: 10n,
  BLOCK_GROUP_TREE: 11n,
  RAID_STRIPE_TREE: 12n,
  FIRST_CHUNK_TREE: 256n,
  DEV_ITEMS: 1n,
  DEV_STATS: 0n,
  BALANCE: -4n,
  ORPHAN: -5n,
  TREE_LOG: -6n,
  TREE_LOG_FIXUP: -7n,
  TREE_RELOC: -8n,
  DATA_RELOC_TREE: -9n,
  EXTENT_CSUM: -10n,
  FREE_SPACE: -11n,
  FREE_INO: -12n,
  CSUM_CHANGE: -13n,
  MULTIPLE: -255n,
};

export const FS_TREE = 5n;

export interface Item {
  readonly key: Key;
  /** What is printed below its key, as `BtrfsText` gives it out. */
  readonly lines: readonly string[];
  /** Names in it, in the order in which they are printed. */
  readonly names: readonly string[];
}

export interface Pointer {
  readonly key: Key;
  readonly block: bigint;
}

/** A leaf has items, a node above the leaves has pointers. */
export interface BtrfsNode {
  readonly pointers: readonly Pointer[];
  readonly items: readonly Item[];
}

export function keyOf(objectid: bigint, type: ItemType, offset: bigint): Key {
  return { objectid, type: TYPES[type], offset };
}

export function isType({ key }: Item, type: ItemType): boolean {
  return key.type === TYPES[type];
}

/** Below 0, 0 or above 0, as for a sort. */
export function compareKeys(a: Key, b: Key): number {
  return compare(a.objectid, b.objectid) || a.type - b.type || compare(a.offset, b.offset);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** An object, or an offset that is one, by number or name; undefined for a name that is not known. */
export function readObject(text: string): bigint | undefined {
  const number = /^-?\d+$/.test(text) ? BigInt(text) : OBJECTS[text];
  return number === undefined ? undefined : BigInt.asUintN(64, number);
}

/**
 * The nodes in an answer, by their address. A node above the leaves that has a key which is not known is left
 * out: what lies below which of its pointers cannot be told.
 *
 * @param output as latin1, a character for a byte
 */
export function readNodes(output: string): Map<bigint, BtrfsNode> {
  const nodes = new Map<bigint, BtrfsNode>();
  const text = new BtrfsText(output);
  let pointers: Pointer[] = [];
  let items: Item[] = [];
  let inItem: { lines: string[]; names: string[] } | undefined;
  let address: bigint | undefined;
  for (let line = text.next(); line !== undefined; line = text.next()) {
    const [, start] = /^(?:leaf|node) (\d+) (?:level \d+ )?items/.exec(line) ?? [];
    if (start !== undefined) {
      [pointers, items, address] = [[], [], BigInt(start)];
      nodes.set(address, { pointers, items });
      continue;
    }
    const [, , words, block] = /^\t(item \d+ )?key \((.*?)\)(?: block (\d+))?/.exec(line) ?? [];
    if (words === undefined) {
      inItem?.lines.push(line);
      inItem?.names.push(...text.names());
      continue;
    }
    const key = readKey(words);
    if (block === undefined) {
      inItem = { lines: [], names: [] };
      if (key !== undefined) items.push({ key, ...inItem });
    } else if (key !== undefined) pointers.push({ key, block: BigInt(block) });
    else if (address !== undefined) nodes.delete(address);
  }
  return nodes;
}

function readKey(words: string): Key | undefined {
  const [object = '', name = '', last = ''] = words.split(' ');
  const [, unnamed] = /^UNKNOWN\.(\d+)$/.exec(name) ?? [];
  const type = unnamed === undefined ? TYPES[name as ItemType] : Number(unnamed);
  const objectid = readObject(object);
  const offset = readObject(last);
  return type === undefined || objectid === undefined || offset === undefined
    ? undefined
    : { objectid, type, offset };
}
