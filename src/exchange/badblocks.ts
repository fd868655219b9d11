/**
 * Lists of bad blocks as badblocks(8) writes them and `e2fsck -l`, `mke2fs -l` and `dumpe2fs -b` share them: a
 * block number a line, in blocks whose size the list does not say.
 */

import { SECTOR_SIZE } from '../units.js';
import { type BadList, type ListedSectors, linesOf, notThis, sectorsAround } from './bad-list.js';
import type { SectorRange } from './quantities.js';

/** What badblocks(8) counts in unless it is told otherwise, in bytes. */
export const BADBLOCKS_BLOCK_SIZE = 1024;

/**
 * Reads a list. Blocks that are no whole sectors are widened to them; empty lines are nothing.
 *
 * @param blockSize in bytes
 * @throws DmremapError `usage` with data.line
 */
export function readBadblocks(text: string, blockSize: number): BadList {
  const size = BigInt(blockSize);
  const listed: ListedSectors[] = [];
  for (const [line, content] of linesOf(text)) {
    const number = content.trim();
    if (number === '') continue;
    if (!/^\d{1,20}$/.test(number)) throw notThis(line, number, 'a block number');
    listed.push(sectorsAround(BigInt(number) * size, size, line));
  }
  return { listed, leftOut: new Map() };
}

/**
 * One line for every block that holds any of the sectors, each block once.
 *
 * @param ranges ascending, without overlap
 * @param blockSize in bytes
 */
export function* badblocksLines(ranges: Iterable<SectorRange>, blockSize: number): Generator<string> {
  const size = BigInt(blockSize);
  let next = 0n;
  for (const { first, count } of ranges) {
    const from = (BigInt(first) * BigInt(SECTOR_SIZE)) / size;
    const end = (BigInt(first + count) * BigInt(SECTOR_SIZE) + size - 1n) / size;
    for (let block = from > next ? from : next; block < end; block++) yield `${block}`;
    next = end;
  }
}
