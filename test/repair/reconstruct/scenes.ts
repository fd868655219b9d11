import type { Candidate } from '../../../src/repair/reconstruct/candidate.js';
import type { Witness } from '../../../src/repair/reconstruct/reading.js';
import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import { buildImage, type Entry, endPlace, type ImageSpec } from '../../support/build-image.js';
import { redundantGeometry, tableArea } from '../../support/format-numbers.js';
import { readImage } from './damaged-set.js';

/** Small spares to be damaged by hand, and what comes out of them. */

export const MAX_ENTRIES = 1000;

export function entriesOf(count: number, maxEntries = MAX_ENTRIES): Entry[] {
  const { dataStart } = redundantGeometry(0, maxEntries);
  return Array.from({ length: count }, (_, slot): Entry => [slot * 5 + 3, dataStart + slot]);
}

/** Of 200 entries unless told. */
export function spare(layout: ImageSpec['layout'], more: Partial<ImageSpec> = {}): Buffer {
  const maxEntries = more.maxEntries ?? MAX_ENTRIES;
  const { dataStart } = redundantGeometry(0, maxEntries);
  const sectors = 2 * dataStart + 1200;
  return buildImage({ layout, sectors, maxEntries, entries: entriesOf(200, maxEntries), ...more });
}

/** The byte of the image at which the backup's table begins. */
export function backupTable(image: Buffer, maxEntries = MAX_ENTRIES): number {
  return endPlace(image) - tableArea(maxEntries);
}

export function flip(image: Buffer, at: number, mask = 1): void {
  image[at] = (image[at] ?? 0) ^ mask;
}

/** Three bits in one sector: no search puts that right. */
export function spoil(image: Buffer, at: number): void {
  for (const offset of [0, 7, 18]) flip(image, at + offset);
}

export function found(image: Buffer, witnesses: readonly Witness[] = []): readonly Candidate[] {
  return reconstruct(readImage(image, witnesses), witnesses).candidates;
}

/** The proven candidate, where there is exactly one. */
export function proven(image: Buffer, witnesses: readonly Witness[] = []): Candidate | undefined {
  const [first, second] = found(image, witnesses).filter((candidate) => candidate.proven);
  if (second !== undefined) throw new Error('two are proven');
  return first;
}

/** What an image without damage holds, as a dump of it would. */
export function dumpOf(image: Buffer, label = 'the dump'): Witness {
  const count = image.readUInt32LE(32);
  return {
    label,
    block: new Uint8Array(image.subarray(0, 4096)),
    table: new Uint8Array(image.subarray(4096, 4096 + 16 * count)),
  };
}

/** The content is the one of this image before the damage. */
export function isContentOf(candidate: Candidate | undefined, image: Buffer): boolean {
  if (candidate === undefined) return false;
  const { block, table } = dumpOf(image);
  const bare = Buffer.from(block);
  bare.fill(0, 12, 16);
  bare.fill(0, 148, 152);
  return bare.equals(candidate.content.block) && Buffer.from(table).equals(candidate.content.table.bytes);
}

export function idsOf(candidate: Candidate | undefined): string[] {
  return candidate?.problems.map(({ id }) => id) ?? [];
}
