/** What the lists of other tools have in common: places on a disk, each with the line that names it. */
import { DmremapError } from '../errors.js';
import { SECTOR_SIZE, sectors } from '../units.js';
import type { SectorRange } from './quantities.js';
import { quoted } from './quoted.js';

/** Sectors that a list names. */
export interface ListedSectors extends SectorRange {
  /** Of the list, counted from 1. */
  readonly line: number;
}

export interface BadList {
  /** In the order of the list; a sector may stand in it several times. */
  readonly listed: readonly ListedSectors[];
  /** What the list says besides and nothing is made of: sentences without an end, each with a count. */
  readonly leftOut: ReadonlyMap<string, number>;
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * The whole sectors that these bytes lie in.
 *
 * @param length in bytes, at least 1
 * @throws DmremapError `usage` where no device could be that large
 */
export function sectorsAround(at: bigint, length: bigint, line: number): ListedSectors {
  const size = BigInt(SECTOR_SIZE);
  const first = at / size;
  const end = (at + length + size - 1n) / size;
  if (end * size > LARGEST) throw illFormed(line, `byte ${at} is beyond the end of any device`);
  return { first: sectors(Number(first)), count: sectors(Number(end - first)), line };
}

/** A list that is not what it was said to be: nothing of it is used. */
export function illFormed(line: number, message: string): DmremapError {
  return new DmremapError('usage', `line ${line}: ${message}`, { data: { line } });
}

/** A line in which something else stands than it should. */
export function notThis(line: number, text: string, wanted: string): DmremapError {
  return illFormed(line, `${quoted(text)} is not ${wanted}`);
}

/** The lines of a text, each with its number from 1 on, without what ends it. */
export function* linesOf(text: string): Generator<readonly [line: number, text: string]> {
  let number = 1;
  for (let at = 0; at < text.length; number++) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    yield [number, text.slice(at, text[end - 1] === '\r' ? end - 1 : end)];
    at = end + 1;
  }
}

/** Counts what is left out of a list, by reason. */
export class LeftOut {
  readonly counts = new Map<string, number>();

  add(reason: string): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }
}
