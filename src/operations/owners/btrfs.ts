import {
  type BtrfsShape,
  CHUNKS_REQUEST,
  type Extent,
  lastAt,
  needsByte,
  nodesRequest,
  placesInFile,
  type Reference,
  readExtent,
  readFileExtent,
  readStretches,
  readSuper,
  referencesIn,
  type Stretch,
  SUPER_REQUEST,
  SUPERS,
} from '../../exchange/owners/btrfs.js';
import { type BtrfsNode, type Item, readNodes } from '../../exchange/owners/btrfs-node.js';
import { BtrfsTrees, NotTold } from '../../exchange/owners/btrfs-trees.js';
import { nobody, type Owner } from '../../exchange/owners/owner.js';
import { SECTOR_SIZE } from '../../units.js';
import { isSubvolume, type Place, pathsOf, type Roots, readRoots } from './btrfs-names.js';
import { type Answer, inImage, type Tell, unopened } from './teller.js';

/** Blocks that are looked for together: what was read for them is forgotten with them. */
const TOGETHER = 256;
/** Nodes that one call prints. */
const NODES_A_CALL = 128;
/** Files, in all snapshots, that are tried for what is looked for together. */
const MOST_FILES = 20_000;

const LAST = (1n << 64n) - 1n;

/** Where on the filesystem a block of the disk is, as far as it is. */
interface Spot {
  readonly block: number;
  readonly logical: bigint;
}

type AskBtrfs = (args: readonly string[]) => Promise<Answer>;
type Read = (blocks: readonly bigint[]) => Promise<Map<bigint, BtrfsNode>>;

/** By the trees that lead from a place on the disk to a file, read node by node. */
export const tellOfBtrfs: Tell = async (askTool, volume, sectors) => {
  if (volume.offset !== 0) return () => inImage(volume);
  const ask: AskBtrfs = (args) => askTool('btrfs', [...args, volume.path], 'latin1');
  const head = await ask(SUPER_REQUEST);
  const shape = readSuper(head.output);
  if (shape === undefined) return () => unopened('btrfs', head);
  if (shape.devices > 1) return () => nobody(`not asked, since the filesystem has ${shape.devices} devices`);
  const chunks = await ask(CHUNKS_REQUEST);
  const stretches = readStretches(readNodes(chunks.output), shape);
  if (stretches === undefined) return () => unopened('btrfs', chunks);
  const blockOf = (sector: number) => Math.floor(((sector - volume.start) * SECTOR_SIZE) / shape.blockSize);
  const owners = new Map<number, Owner>();
  const spots: Spot[] = [];
  for (const block of new Set(sectors.map(blockOf))) {
    const place = logicalOf(BigInt(block) * BigInt(shape.blockSize), stretches);
    if (typeof place === 'bigint') spots.push({ block, logical: place });
    else owners.set(block, nobody(place));
  }
  const read: Read = (blocks) => readAll(ask, blocks);
  for (let at = 0; at < spots.length; at += TOGETHER)
    for (const [block, owner] of await ownersTogether(read, shape, spots.slice(at, at + TOGETHER)))
      owners.set(block, owner);
  return (sector) => owners.get(blockOf(sector)) ?? nobody('btrfs did not say');
};

/** The address, or what there is in place of one. */
function logicalOf(physical: bigint, stretches: readonly Stretch[]): bigint | string {
  if (SUPERS.includes(physical)) return 'of the filesystem itself: superblock';
  const stretch = stretches.find((one) => physical >= one.physical && physical < one.physical + one.length);
  if (stretch === undefined) return 'free';
  if (stretch.logical === undefined) return 'not asked, since the place is striped';
  return stretch.logical + (physical - stretch.physical);
}

async function readAll(ask: AskBtrfs, blocks: readonly bigint[]): Promise<Map<bigint, BtrfsNode>> {
  const nodes = new Map<bigint, BtrfsNode>();
  for (let at = 0; at < blocks.length; at += NODES_A_CALL) {
    const told = await ask(nodesRequest(blocks.slice(at, at + NODES_A_CALL)));
    if (told.failure !== undefined) throw new NotTold(told.failure);
    for (const [address, node] of readNodes(told.output)) nodes.set(address, node);
  }
  return nodes;
}

async function ownersTogether(
  read: Read,
  shape: BtrfsShape,
  spots: readonly Spot[],
): Promise<Map<number, Owner>> {
  try {
    return await findOwners(new BtrfsTrees(read), shape, spots);
  } catch (error) {
    if (!(error instanceof NotTold)) throw error;
    return new Map(spots.map(({ block }) => [block, nobody(error.message)]));
  }
}

async function findOwners(
  trees: BtrfsTrees,
  shape: BtrfsShape,
  spots: readonly Spot[],
): Promise<Map<number, Owner>> {
  const [all = []] = await trees.find([{ root: shape.rootTree, from: lastAt(0n), to: lastAt(LAST) }]);
  const roots = readRoots(all);
  const [extentTree, ...more] = roots.extentTrees;
  if (extentTree === undefined || more.length > 0) throw new NotTold('btrfs has not one tree of extents');
  const owners = new Map<number, Owner>();
  const free = nobody(shape.hasLog ? 'free, or in the log of a filesystem that was not unmounted' : 'free');
  const held: Held[] = [];
  for (const [index, { extent, items }] of (await extentsAt(trees, shape, extentTree, spots)).entries()) {
    const { block, logical } = spots[index] as Spot;
    if (extent === undefined || logical >= extent.start + extent.length) owners.set(block, free);
    else if (extent.tree !== undefined)
      owners.set(block, nobody(`of the filesystem itself: tree ${extent.tree}`));
    else held.push({ block, extent, distance: logical - extent.start, references: referencesIn(items) });
  }
  for (const [block, owner] of await holders(trees, roots, held)) owners.set(block, owner);
  return owners;
}

/** For each spot, the extent that begins at it or before it, and all that is said of that. */
async function extentsAt(
  trees: BtrfsTrees,
  shape: BtrfsShape,
  root: bigint,
  spots: readonly Spot[],
): Promise<{ extent: Extent | undefined; items: readonly Item[] }[]> {
  const before = await trees.find(
    spots.map(({ logical }) => ({ root, from: lastAt(logical), to: lastAt(logical) })),
  );
  const starts = before.map((items) => items.at(-1)?.key.objectid ?? 0n);
  const found = await trees.find(
    starts.map((start) => ({ root, from: { objectid: start, type: 0, offset: 0n }, to: lastAt(start) })),
  );
  return found.map((items, index) => {
    const own = items.filter(({ key }) => key.objectid === starts[index]);
    return { extent: own.flatMap((item) => readExtent(item, shape) ?? [])[0], items: own };
  });
}

/** A block in an extent of files. */
interface Held {
  readonly block: number;
  readonly extent: Extent;
  /** Bytes from the start of the extent. */
  readonly distance: bigint;
  readonly references: readonly Reference[];
}

/**
 * The files that need each block. A snapshot has the files of its original under their numbers and is told of
 * nowhere else, so every subvolume is asked.
 */
async function holders(trees: BtrfsTrees, roots: Roots, held: readonly Held[]): Promise<Map<number, Owner>> {
  const places: { one: Held; place: Place }[] = [];
  const tries: { one: Held; subvolume: bigint; root: bigint; inode: bigint; offset: bigint }[] = [];
  const own = new Set<number>();
  // at once, so that they are read by few calls
  await trees.leaves(held.flatMap(({ references }) => leavesOf(references)));
  for (const one of held)
    for (const { tree, inode, offset } of await filesOf(trees, one)) {
      if (tree !== undefined && !isSubvolume(tree)) own.add(one.block);
      else
        for (const { id, root } of roots.subvolumes) tries.push({ one, subvolume: id, root, inode, offset });
      if (tries.length > MOST_FILES) throw new NotTold('too many files share it');
    }
  const found = await trees.find(
    tries.map(({ one, root, inode, offset }) => {
      const [from, to] = placesInFile(inode, offset, one.distance, one.extent);
      return { root, from, to };
    }),
  );
  for (const [index, { one, subvolume, inode }] of tries.entries()) {
    const parts = (found[index] ?? []).flatMap((item) => readFileExtent(item) ?? []);
    if (parts.some((part) => part.inode === inode && needsByte(part, one.extent, one.distance)))
      places.push({ one, place: { subvolume, inode } });
  }
  const paths = await pathsOf(
    trees,
    roots,
    places.map(({ place }) => place),
  );
  return new Map(
    held.map((one) => {
      const mine = places.filter((other) => other.one === one).map(({ place }) => place);
      return [one.block, ownerOf(mine, paths, own.has(one.block))];
    }),
  );
}

async function filesOf(
  trees: BtrfsTrees,
  { references, extent }: Held,
): Promise<{ tree: bigint | undefined; inode: bigint; offset: bigint }[]> {
  const shared = (await trees.leaves(leavesOf(references))).flatMap((items) =>
    items
      .flatMap((item) => readFileExtent(item) ?? [])
      .filter(({ start }) => start === extent.start)
      .map(({ inode, fileOffset, within }) => ({ tree: undefined, inode, offset: fileOffset - within })),
  );
  const files = [...references.flatMap((one) => ('leaf' in one ? [] : [one])), ...shared];
  return [...new Map(files.map((file) => [`${file.inode} ${file.offset}`, file])).values()];
}

function leavesOf(references: readonly Reference[]): bigint[] {
  return references.flatMap((one) => ('leaf' in one ? [one.leaf] : []));
}

function ownerOf(places: readonly Place[], pathsOfPlace: (place: Place) => string[], isOwn: boolean): Owner {
  const [first, ...others] = [...new Set(places.map(({ inode }) => inode))];
  if (first === undefined)
    return nobody(
      isOwn
        ? 'of the filesystem itself: space cache or balance'
        : 'no file: left of an extent that was overwritten in part',
    );
  const paths = [...new Set(places.flatMap(pathsOfPlace))];
  const shared = others.length === 0 ? null : `shared with inode ${others.join(', ')}`;
  return { inode: Number(first), paths, note: paths.length === 0 ? 'a file without a name' : shared };
}
