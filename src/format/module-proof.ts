import { fieldNamed } from '../layout/layout.js';
import { multiply, powerOfX } from './crc-algebra.js';
import { TWO_32 } from './entry.js';
import { decodeHeader, encodeHeader, HEADER, MAGIC, STATE } from './header.js';
import { moduleCrc, type Summed, ZERO_TAIL } from './module.js';

/**
 * What the checksum of a module-written image proves (format.md section 7). The module computes it with the
 * previous checksum in the field, with state 2 and with a tail of its own; the tail then lands on the main sector
 * of entry 0. Where the previous checksum is known, the checksum gives that main sector back.
 */

const STATE_FIELD = fieldNamed(HEADER, 'state');
const CHECKSUM_FIELD = fieldNamed(HEADER, 'checksum');

/**
 * The checksum that the module had in memory when it wrote this header for the first time: zero where it never
 * held a header, that of a fresh header where it made one. Undefined where it is not known.
 *
 * @param block the 4096 bytes of the header
 */
export function previousChecksum(block: Uint8Array): number | undefined {
  const header = decodeHeader(block);
  if (header.generation !== 1) return undefined;
  return header.magic === MAGIC ? freshChecksum(block) : 0;
}

/** Of the header as the module first made it, before any remap. */
function freshChecksum(block: Uint8Array): number {
  const { creation_time } = decodeHeader(block);
  const fresh = encodeHeader(
    { last_update_time: creation_time, entry_count: 0, generation: 0, total_remaps_created: 0n },
    block,
  );
  for (const { offset, size } of [CHECKSUM_FIELD, STATE_FIELD]) fresh.fill(0, offset, offset + size);
  return moduleCrc({ block: fresh, tail: ZERO_TAIL, table: new Uint8Array(0) });
}

/**
 * Whether the stored checksum is the one that the module wrote with this previous one, over the table as it lies.
 * Its tail was zero: it never read a header.
 */
export function verifiesAfter(previous: number, { block, table }: Omit<Summed, 'tail'>): boolean {
  return moduleCrc(asWritten(previous, block, table)) === decodeHeader(block).checksum;
}

/** A main of more than so many stretches of 2^32 sectors (2 TiB) is none: its size is damaged. */
const MOST_STRETCHES = 64;

/**
 * The main sectors of entry 0 for which the stored checksum is the one that the module wrote: one for each value
 * of the high word, of which main has as many as it has stretches of 2^32 sectors.
 *
 * @param mainSize in sectors; undefined where it is not known, and taken for less than 2^32 then
 */
export function firstMainsAfter(
  previous: number,
  { block, table }: Omit<Summed, 'tail'>,
  mainSize: number | undefined,
): number[] {
  const { checksum } = decodeHeader(block);
  // the word is shifted by itself and by what follows it in the table
  const unshift = powerOfX(-8 * table.length);
  const size = mainSize ?? TWO_32;
  const mains: number[] = [];
  if (size > MOST_STRETCHES * TWO_32) return mains;
  for (let high = 0; high * TWO_32 < size; high++) {
    const guessed = withFirstMain(table, BigInt(high) << 32n);
    const missing = (checksum ^ moduleCrc(asWritten(previous, block, guessed))) >>> 0;
    const main = high * TWO_32 + multiply(missing, unshift);
    if (main < size) mains.push(main);
  }
  return mains;
}

/** A copy of a table whose entry 0 has this main sector. */
export function withFirstMain(table: Uint8Array, main: bigint): Uint8Array {
  const copy = new Uint8Array(table);
  new DataView(copy.buffer).setBigUint64(0, main, true);
  return copy;
}

function asWritten(previous: number, block: Uint8Array, table: Uint8Array): Summed {
  return {
    block: encodeHeader({ checksum: previous, state: STATE.writing }, block),
    tail: ZERO_TAIL,
    table,
  };
}
