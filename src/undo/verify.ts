import type { BlockDevice } from '../device/block-device.js';
import { type BadRange, readAround } from '../device/read-around.js';
import { extendCrc } from '../format/checksum.js';
import type { Phase, Write } from '../store/phase.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import type { ByteRange, Side, UndoBlock } from './description.js';
import type { SavedUndo } from './reader.js';

/**
 * What a device holds where an undo file saved bytes: all as before the change; all as after it; each sector
 * as before, after or in between, as a power cut leaves it; or something else, so that the change was followed
 * by others, or this is another device.
 */
export type Standing = 'before' | 'after' | 'between' | 'changed';

export interface Comparison {
  readonly standing: Standing;
  /** Sectors (512 bytes) that hold something else, and the first of them. */
  readonly changed: number;
  readonly firstChanged: Bytes | undefined;
}

/** Bytes compared at once. */
const PIECE = 1 << 20;

/** Counts of sectors. A sector that the change left equal is as before and as after. */
interface Tally {
  notBefore: number;
  notAfter: number;
  changed: number;
  firstChanged: Bytes | undefined;
}

/**
 * Holds what lies on one device of an undo file against what was saved and what was to be written, sector by
 * sector. Reads only. Throws DmremapError where the undo file cannot be read.
 */
export async function compareWithUndo(undo: SavedUndo, side: Side, device: BlockDevice): Promise<Comparison> {
  const tally: Tally = { notBefore: 0, notAfter: 0, changed: 0, firstChanged: undefined };
  for (const block of undo.description.blocks)
    if (block.device === side) await compareBlock(undo, block, device, tally);
  const { changed, firstChanged } = tally;
  if (changed > 0) return { standing: 'changed', changed, firstChanged };
  const standing = tally.notBefore === 0 ? 'before' : tally.notAfter === 0 ? 'after' : 'between';
  return { standing, changed, firstChanged };
}

async function compareBlock(
  undo: SavedUndo,
  block: UndoBlock,
  device: BlockDevice,
  tally: Tally,
): Promise<void> {
  const alternatives = new Map<number, number[]>();
  for (const { index, crc } of block.between)
    alternatives.set(index, [...(alternatives.get(index) ?? []), crc]);
  for (let done = 0; done < block.length; done += PIECE) {
    const at = bytes(block.at + done);
    const now = new Uint8Array(Math.min(PIECE, block.length - done));
    if (at + now.length > device.size) {
      note(tally, at, now.length / SECTOR_SIZE);
      continue;
    }
    const bad = await readAround(device, at, now);
    const before = new Uint8Array(now.length);
    await undo.readBefore(block, done, before);
    for (let from = 0; from < now.length; from += SECTOR_SIZE) {
      const sector = (done + from) / SECTOR_SIZE;
      const [lost, unread] = [covers(block.unreadable, at + from), covers(bad, at + from)];
      const content = now.subarray(from, from + SECTOR_SIZE);
      const same = Buffer.compare(content, before.subarray(from, from + SECTOR_SIZE)) === 0;
      const crc = extendCrc(0, content);
      // what could not be read before is as before while it still cannot be read
      const isBefore = lost ? unread : same && !unread;
      const isAfter = !unread && crc === block.sectorsAfter[sector];
      const isBetween = !unread && alternatives.get(sector)?.includes(crc) === true;
      if (!isBefore) tally.notBefore++;
      if (!isAfter) tally.notAfter++;
      if (!isBefore && !isAfter && !isBetween) note(tally, bytes(at + from), 1);
    }
  }
}

function note(tally: Tally, at: Bytes, count: number): void {
  tally.changed += count;
  tally.firstChanged ??= at;
}

function covers(ranges: readonly (ByteRange | BadRange)[], at: number): boolean {
  return ranges.some((range) => at >= range.at && at < range.at + range.length);
}

/**
 * The phases that put the saved bytes of one device back: in reverse order of the change, so that a power cut
 * finds the states that the change itself went through. What could not be read when it was saved is left as it
 * is. Throws DmremapError where the undo file cannot be read.
 */
export async function putBackPhases(undo: SavedUndo, side: Side): Promise<Phase[]> {
  const { blocks, command } = undo.description;
  const mine = blocks.filter(({ device }) => device === side);
  const numbers = [...new Set(mine.map(({ phase }) => phase))].sort((a, b) => b - a);
  const phases: Phase[] = [];
  for (const [step, number] of numbers.entries()) {
    const writes: Write[] = [];
    for (const block of mine.filter(({ phase }) => phase === number))
      for (const { at, length } of readableRanges(block)) {
        const content = new Uint8Array(length);
        await undo.readBefore(block, at - block.at, content);
        writes.push({ at, bytes: content });
      }
    phases.push({ purpose: `put back what ${command} overwrote (${step + 1} of ${numbers.length})`, writes });
  }
  return phases;
}

/** The parts of a block that were saved. */
function readableRanges({ at, length, unreadable }: UndoBlock): ByteRange[] {
  const ranges: ByteRange[] = [];
  let from: number = at;
  for (const bad of [...unreadable, { at: at + length, length: 0 }]) {
    if (bad.at > from) ranges.push({ at: bytes(from), length: bytes(bad.at - from) });
    from = bad.at + bad.length;
  }
  return ranges;
}
