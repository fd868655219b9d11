/** The paths of btrfs's files, from its topmost subvolume. */
import { type Name, readNamesIn, readParent, readRoot, type Subvolume } from '../../exchange/owners/btrfs.js';
import { FS_TREE, type Item, keyOf } from '../../exchange/owners/btrfs-node.js';
import type { BtrfsTrees } from '../../exchange/owners/btrfs-trees.js';

/** A file or folder of a subvolume. */
export interface Place {
  readonly subvolume: bigint;
  readonly inode: bigint;
}

/** The number that files and subvolumes have at least, and the number of each subvolume's topmost folder. */
const FIRST = 256n;
/** Numbers from here on count down from 2^64 and are the filesystem's own. */
const END = (1n << 64n) - FIRST;

export interface Roots {
  readonly extentTrees: readonly bigint[];
  readonly subvolumes: readonly Subvolume[];
  readonly parents: ReadonlyMap<bigint, Name & { readonly parent: bigint }>;
}

/** @param items all of the tree of roots */
export function readRoots(items: readonly Item[]): Roots {
  const roots = items.flatMap((item) => readRoot(item) ?? []);
  const parents = items.flatMap((item) => readParent(item) ?? []);
  return {
    extentTrees: roots.filter(({ id }) => id === 2n).map(({ root }) => root),
    subvolumes: roots.filter(({ id }) => isSubvolume(id)),
    parents: new Map(parents.map((parent) => [parent.child, parent])),
  };
}

/** Whether a tree of this number is one of files. */
export function isSubvolume(id: bigint): boolean {
  return id === FS_TREE || (id >= FIRST && id < END);
}

/** The paths of each place; none for a file without a name. */
export async function pathsOf(
  trees: BtrfsTrees,
  roots: Roots,
  places: readonly Place[],
): Promise<(place: Place) => string[]> {
  const names = new Map<string, readonly Name[]>();
  const rootOf = new Map(roots.subvolumes.map(({ id, root }) => [id, root]));
  let open = places;
  while (open.length > 0) {
    const fresh = new Map<string, Place>();
    for (const place of open) if (!names.has(wordOf(place))) fresh.set(wordOf(place), place);
    const asked = [...fresh.values()];
    const found = await trees.find(
      asked.map(({ subvolume, inode }) => ({
        root: rootOf.get(subvolume) ?? 0n,
        from: keyOf(inode, 'INODE_REF', 0n),
        to: keyOf(inode, 'INODE_EXTREF', END + FIRST - 1n),
      })),
    );
    for (const [index, place] of asked.entries()) {
      const own = (found[index] ?? []).filter(({ key }) => key.objectid === place.inode);
      names.set(wordOf(place), isTop(place) ? [] : own.flatMap(readNamesIn));
    }
    open = asked.flatMap((place) => above(place, roots, names));
  }
  const join = (place: Place, depth: number): string[] => {
    if (isTop(place) && place.subvolume === FS_TREE) return [''];
    if (depth === 0) return [];
    const own = isTop(place) ? [roots.parents.get(place.subvolume)] : (names.get(wordOf(place)) ?? []);
    return above(place, roots, names).flatMap((folder, index) =>
      join(folder, depth - 1).map((path) => `${path}/${own[index]?.name}`),
    );
  };
  return (place) => join(place, DEEPEST);
}

/** Folders in folders, at most: a damaged filesystem may have a ring of them. */
const DEEPEST = 2048;

function wordOf({ subvolume, inode }: Place): string {
  return `${subvolume} ${inode}`;
}

function isTop({ inode }: Place): boolean {
  return inode === FIRST;
}

/** The folders in which a place has its names; of a subvolume's top, the folder that holds the subvolume. */
function above(place: Place, roots: Roots, names: ReadonlyMap<string, readonly Name[]>): Place[] {
  if (!isTop(place))
    return (names.get(wordOf(place)) ?? []).map(({ folder }) => ({
      subvolume: place.subvolume,
      inode: folder,
    }));
  const parent = roots.parents.get(place.subvolume);
  return parent === undefined ? [] : [{ subvolume: parent.parent, inode: parent.folder }];
}
