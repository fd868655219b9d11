import type { BlockDevice } from '../device/block-device.js';
import { carry } from '../device/carry/carry.js';
import { type KeptBytes, keepBytes } from '../device/kept-bytes.js';
import type { Move } from '../remap/mover.js';
import { type Span, sectorsIn, spansOf } from '../remap/selection.js';
import type { Write } from '../store/phase.js';
import { prepareToSum } from '../store/sum-tables.js';
import { type Bytes, bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';

/**
 * The data of sectors that get a place on the spare. It is read once, since a dying disk is not asked twice, and
 * kept until it is written; what would be too much for memory lies in a file meanwhile, and a write loads its part.
 */

export interface TakeOptions {
  /** False where no file may be written meanwhile. */
  readonly mayBeFile: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes have been read, and of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Parts of what was taken and their places on the spare, ascending; all in bytes. Numbers, since there may be millions. */
interface Pieces {
  readonly at: number[];
  readonly from: number[];
  readonly length: number[];
}

/** Those from index `first` to below `end`. */
interface Group {
  readonly first: number;
  readonly end: number;
}

/** The most that one write holds, in bytes; a multiple of every logical block. */
const MOST_OF_WRITE = 1 << 20;

export class TakenData {
  readonly #kept: KeptBytes;
  readonly #spans: readonly Span[];
  /** The sectors that cannot be read; zeros stand for them. */
  readonly lost: readonly Span[];
  /** The write whose bytes were asked for last: they are asked for in order, often more than once. */
  #loaded: Write | undefined;
  /** Where they lie, until those of another one are asked for. */
  readonly #room = new Uint8Array(MOST_OF_WRITE);

  private constructor(kept: KeptBytes, spans: readonly Span[], lost: readonly Span[]) {
    [this.#kept, this.#spans, this.lost] = [kept, spans, lost];
  }

  /** Reads the sectors of these spans, which ascend, and hands them to `work`. */
  static async with<Result>(
    main: BlockDevice,
    spans: readonly Span[],
    { mayBeFile, signal, progress }: TakeOptions,
    work: (taken: TakenData) => Promise<Result>,
  ): Promise<Result> {
    const list = Float64Array.from(sectorsIn(spans));
    const sectorAt = (index: number): number => list[index] ?? Number.NaN;
    const length = list.length * SECTOR_SIZE;
    // an undo file sums them
    await prepareToSum(length);
    const kept = await keepBytes(length, mayBeFile);
    try {
      const pairs = { count: list.length, from: sectorAt, to: (index: number) => index };
      let done = 0;
      const lost = await carry({
        source: main,
        target: kept.device,
        pairs,
        signal,
        progress: (more) => {
          done += more;
          progress?.(done, length);
        },
      });
      return await work(new TakenData(kept, spans, spansOf(lost.map(sectorAt))));
    } finally {
      await kept.close();
    }
  }

  /** The writes that bring the data of these moves, of which main ascends, to the spare; in whole logical blocks. */
  async writesTo(spare: BlockDevice, moves: readonly Move[]): Promise<Write[]> {
    const unit = spare.logicalBlockSize;
    const pieces = piecesOf(moves, offsetsIn(this.#spans));
    const writes: Write[] = [];
    for (const group of together(pieces, unit)) writes.push(await this.#writeOf(spare, pieces, group));
    return writes;
  }

  async #writeOf(spare: BlockDevice, pieces: Pieces, group: Group): Promise<Write> {
    const unit = spare.logicalBlockSize;
    const at = roundDown(pieces.at[group.first] ?? 0, unit);
    const length = roundUp(endOf(pieces, group), unit) - at;
    const shared = await sharedBlocks(spare, pieces, group);
    return new LoadedWrite(bytes(at), (write) => {
      const content = this.#room.subarray(0, length);
      if (this.#loaded === write) return content;
      for (const block of shared) content.set(block.bytes, block.at - at);
      for (let index = group.first; index < group.end; index++) {
        const part = this.#kept.part(pieces.from[index] ?? 0, pieces.length[index] ?? 0);
        content.set(part, (pieces.at[index] ?? 0) - at);
      }
      this.#loaded = write;
      return content;
    });
  }
}

/** A write whose bytes are loaded when they are asked for, and stay until those of another one are. */
class LoadedWrite implements Write {
  readonly at: Bytes;
  readonly #load: (write: Write) => Uint8Array;

  constructor(at: Bytes, load: (write: Write) => Uint8Array) {
    this.at = at;
    this.#load = load;
  }

  get bytes(): Uint8Array {
    return this.#load(this);
  }
}

/** @param offset of a sector of main in what was taken */
function piecesOf(moves: readonly Move[], offset: (sector: number) => number): Pieces {
  const froms = moves.map(({ main }) => offset(main));
  const order = froms.map((_, index) => index);
  order.sort((a, b) => (moves[a]?.spare ?? 0) - (moves[b]?.spare ?? 0));
  const pieces: Pieces = { at: [], from: [], length: [] };
  for (const index of order) {
    const { spare = 0, count = 0 } = moves[index] ?? {};
    const [start, size] = [spare * SECTOR_SIZE, count * SECTOR_SIZE];
    for (let done = 0; done < size; ) {
      const at = start + done;
      const length = Math.min(size - done, roundDown(at, MOST_OF_WRITE) + MOST_OF_WRITE - at);
      put(pieces, at, (froms[index] ?? 0) + done, length);
      done += length;
    }
  }
  return pieces;
}

/** What goes on where the last piece ends, in both, is a part of it: scattered sectors of one list lie so. */
function put({ at, from, length }: Pieces, start: number, origin: number, size: number): void {
  const last = at.length - 1;
  const before = length[last] ?? 0;
  const goesOn = at[last] === start - before && from[last] === origin - before;
  if (last >= 0 && goesOn && start % MOST_OF_WRITE !== 0) length[last] = before + size;
  else {
    at.push(start);
    from.push(origin);
    length.push(size);
  }
}

function endOf({ at, length }: Pieces, { end }: Group): number {
  return (at[end - 1] ?? 0) + (length[end - 1] ?? 0);
}

/** As few groups as there can be: each becomes one write, no two touch one logical block. */
function* together(pieces: Pieces, unit: number): Generator<Group> {
  let first = 0;
  for (let end = 1; end <= pieces.at.length; end++) {
    const next = pieces.at[end] ?? Number.POSITIVE_INFINITY;
    const isNear = next < roundUp(endOf(pieces, { first, end }) + 1, unit);
    const limit = roundDown(pieces.at[first] ?? 0, MOST_OF_WRITE) + MOST_OF_WRITE;
    if (isNear && next < limit) continue;
    yield { first, end };
    first = end;
  }
}

/** The logical blocks that hold something else besides, as they are. */
async function sharedBlocks(spare: BlockDevice, pieces: Pieces, { first, end }: Group): Promise<Write[]> {
  const unit = spare.logicalBlockSize;
  if (unit === SECTOR_SIZE) return [];
  const covered = new Map<number, number>();
  for (let index = first; index < end; index++) {
    const at = pieces.at[index] ?? 0;
    const behind = at + (pieces.length[index] ?? 0);
    for (let block = roundDown(at, unit); block < behind; block += unit) {
      const more = Math.min(behind, block + unit) - Math.max(at, block);
      covered.set(block, (covered.get(block) ?? 0) + more);
    }
  }
  const blocks: Write[] = [];
  for (const [block, count] of covered) {
    if (count === unit) continue;
    const content = new Uint8Array(unit);
    await spare.read(bytes(block), content);
    blocks.push({ at: bytes(block), bytes: content });
  }
  return blocks;
}

/** Where the data of a sector begins in what was taken of these spans; asked for ascending sectors. */
function offsetsIn(spans: readonly Span[]): (sector: number) => number {
  let [index, before] = [0, 0];
  return (sector) => {
    for (
      let [first, end] = spans[index] ?? [0, 0];
      sector >= end;
      [first, end] = spans[++index] ?? [0, Infinity]
    )
      before += end - first;
    return (before + sector - (spans[index]?.[0] ?? 0)) * SECTOR_SIZE;
  };
}
