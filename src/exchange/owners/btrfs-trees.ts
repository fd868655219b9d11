/** Finds items in btrfs's trees by their keys, level by level, reading no node that does not lead to one. */
import { type BtrfsNode, compareKeys, type Item, type Key, type Pointer } from './btrfs-node.js';

/** Items of one tree, by the address of its root node. */
export interface Span {
  readonly root: bigint;
  readonly from: Key;
  readonly to: Key;
}

/** Nodes by their address; those that could not be read are missing. */
export type ReadNodes = (blocks: readonly bigint[]) => Promise<Map<bigint, BtrfsNode>>;

/** Nodes that are read for one group of questions, at most. */
const MOST_NODES = 8192;

/** A node could not be read, or more would have to be read than is allowed. The message says which. */
export class NotTold extends Error {}

export class BtrfsTrees {
  readonly #read: ReadNodes;
  readonly #nodes = new Map<bigint, BtrfsNode>();

  constructor(read: ReadNodes) {
    this.#read = read;
  }

  /**
   * The items of each span in order, and the last one before it: where nothing has the key that is looked for,
   * it tells in what the key lies.
   *
   * @throws NotTold
   */
  async find(spans: readonly Span[]): Promise<Item[][]> {
    const found = spans.map((): Item[] => []);
    let open = spans.map(({ root }) => [root]);
    while (open.some((blocks) => blocks.length > 0)) {
      await this.#load(open.flat());
      open = spans.map((span, index) =>
        (open[index] ?? []).flatMap((block) => {
          const { items, pointers } = this.#node(block);
          found[index]?.push(...within(items, span));
          return within(pointers, span).map((pointer) => pointer.block);
        }),
      );
    }
    return found;
  }

  /** The items of a leaf. */
  async leaves(blocks: readonly bigint[]): Promise<readonly (readonly Item[])[]> {
    await this.#load(blocks);
    return blocks.map((block) => this.#node(block).items);
  }

  #node(block: bigint): BtrfsNode {
    const node = this.#nodes.get(block);
    if (node === undefined) throw new NotTold(`btrfs does not tell what stands in block ${block}`);
    return node;
  }

  async #load(blocks: readonly bigint[]): Promise<void> {
    const missing = [...new Set(blocks)].filter((block) => !this.#nodes.has(block));
    if (this.#nodes.size + missing.length > MOST_NODES)
      throw new NotTold('too much of the filesystem would have to be read');
    for (const [block, node] of missing.length === 0 ? [] : await this.#read(missing))
      this.#nodes.set(block, node);
  }
}

/** Those in the span and the last one before it, which may lead to it. */
function within<Keyed extends Item | Pointer>(all: readonly Keyed[], { from, to }: Span): Keyed[] {
  return all.filter(({ key }, index) => {
    const next = all[index + 1];
    return compareKeys(key, to) <= 0 && (next === undefined || compareKeys(next.key, from) > 0);
  });
}
