import { SECTOR_SIZE } from '../units.js';
import { type BadList, illFormed, LeftOut, type ListedSectors, sectorsAround } from './bad-list.js';

/** Blocks that a drive's logs name, before the size of a block is known. */
export class LoggedBlocks {
  readonly leftOut = new LeftOut();
  readonly #found: (readonly [line: number, block: bigint])[] = [];
  /** Any log was there, though perhaps empty. */
  hasLog = false;
  /** In bytes; undefined while the text has not said it. */
  blockSize: number | undefined;

  add(line: number, block: bigint): void {
    this.#found.push([line, block]);
  }

  /**
   * An error of a command, in smartctl's words: "Error: UNC 8 sectors at LBA = 0x0042ea00 = 4385280". Those of
   * the cable or of the command itself are no bad sectors.
   */
  addError(line: number, words: string): void {
    const reason = this.#add(line, words);
    if (reason !== undefined) this.leftOut.add(reason);
  }

  /** Why no block was added; undefined where one was. */
  #add(line: number, words: string): string | undefined {
    const flags = words.match(/[A-Za-z]+/g) ?? [];
    if (!flags.some((flag) => OF_THE_MEDIUM.has(flag))) return 'errors that are not of the medium';
    const [, hex, decimal] = /\bat LBA = 0x([0-9a-f]+) = (\d+)\s*$/.exec(words) ?? [];
    if (hex === undefined || decimal === undefined) return 'errors whose block is not said';
    const block = BigInt(decimal);
    if (BigInt(`0x${hex}`) !== block) throw illFormed(line, 'the block is not the same in both notations');
    if (block === BEYOND_28_BITS) return 'errors whose block has more bits than their log';
    this.add(line, block);
    return undefined;
  }

  /** @param otherwise the size of a block where the text does not say it, in bytes */
  list(otherwise: number): BadList {
    if (!this.hasLog)
      throw illFormed(1, 'this is no output of smartctl with a log of self-tests, errors or pending defects');
    const size = BigInt(this.blockSize ?? otherwise);
    if (size < 1n || size % BigInt(SECTOR_SIZE) !== 0n)
      throw illFormed(1, `blocks of ${size} bytes are no sectors`);
    const listed: ListedSectors[] = this.#found.map(([line, block]) =>
      sectorsAround(block * size, size, line),
    );
    return { listed, leftOut: this.leftOut.counts };
  }
}

/** Uncorrectable data, address mark not found, sector not found. */
const OF_THE_MEDIUM: ReadonlySet<string> = new Set(['UNC', 'AMNF', 'IDNF']);

/** What the old error log holds of a block that its 28 bits cannot hold. */
const BEYOND_28_BITS = 0xfff_ffffn;
