import { createHash } from 'node:crypto';
import type { BlockDevice } from '../../device/block-device.js';
import { readAround } from '../../device/read-around.js';
import { HEADER_SIZE } from '../../format/header.js';
import { liveTableLength } from '../../store/copy.js';
import type { LoadedCopies } from '../../store/load.js';
import type { Phase } from '../../store/phase.js';
import { bytes, roundDown, roundUp } from '../../units.js';

/** How much is read at a time, in bytes. */
const PIECE = 1 << 20;

/** A stretch of a device, in bytes. */
interface Range {
  readonly byte: number;
  readonly length: number;
}

/**
 * SHA-256, in hex, of everything that a plan rests on: the headers and tables of all copies, and whatever the plan
 * overwrites. Where these lie is found anew on the device, so that no plan can say that it rests on nothing.
 */
export function fingerprint(
  device: BlockDevice,
  copies: LoadedCopies,
  phases: readonly Phase[],
): Promise<string> {
  return hashOf(device, rangesOf(device, copies, phases));
}

function rangesOf(
  device: BlockDevice,
  { primary, backups }: LoadedCopies,
  phases: readonly Phase[],
): Range[] {
  const ranges: Range[] = [];
  for (const copy of [primary, ...backups]) {
    ranges.push({ byte: copy.headerAt, length: HEADER_SIZE });
    if (copy.tableAt !== undefined && copy.computed !== undefined)
      ranges.push({ byte: copy.tableAt, length: liveTableLength(copy.header) });
  }
  for (const { writes } of phases)
    for (const { at, bytes: written } of writes) ranges.push({ byte: at, length: written.length });
  return merged(ranges, device.logicalBlockSize);
}

/** In order, without overlaps, in whole logical blocks. */
function merged(ranges: readonly Range[], blockSize: number): Range[] {
  const whole = ranges
    .filter(({ length }) => length > 0)
    .map(({ byte, length }) => ({ from: roundDown(byte, blockSize), to: roundUp(byte + length, blockSize) }))
    .sort((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const range of whole) {
    const last = joined.at(-1);
    if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else joined.push({ ...range });
  }
  return joined.map(({ from, to }) => ({ byte: from, length: to - from }));
}

/** Of what these stretches hold and of which of their parts cannot be read. */
async function hashOf(device: BlockDevice, ranges: readonly Range[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { byte, length } of ranges)
    for (let at = byte; at < byte + length; at += PIECE) {
      const piece = Buffer.alloc(Math.min(PIECE, byte + length - at));
      const bad = await readAround(device, bytes(at), piece);
      hash.update(`${at} ${piece.length} ${bad.map((range) => `${range.at}+${range.length}`).join(' ')}\n`);
      hash.update(piece);
    }
  return hash.digest('hex');
}
