import { createCipheriv, createHash, hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { buildImage, type Entry, type Fields, type Layout } from '../support/build-image.js';
import { redundantGeometry, SECTOR } from '../support/format-numbers.js';

/**
 * Main and spare as image files full of random data, with remaps between them, and what the remapped device
 * has to hold: worked out here from the entries alone. The same seed makes the same bytes.
 */

export interface SetSpec {
  readonly mainSectors: number;
  readonly spareSectors: number;
  readonly layout: Layout;
  readonly maxEntries: number;
  readonly seed: string;
  /** Of the header. */
  readonly fields?: Fields;
  /** Chooses the entries. */
  readonly entries: (set: Ground) => Entry[];
}

/** What may be remapped where, for those who choose entries. */
export interface Ground {
  readonly mainSectors: number;
  /** First sector of the spare's data area. */
  readonly dataStart: number;
  readonly dataSectors: number;
  /** `count` different numbers below `limit`, in no order. */
  readonly pick: (count: number, limit: number) => number[];
}

export interface RemappedSet {
  readonly entries: readonly Entry[];
  readonly main: Buffer;
  readonly spare: Buffer;
}

/** Random bytes that depend on the seed alone. */
export function seededBytes(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

function picker(seed: string): Ground['pick'] {
  let round = 0;
  return (count, limit) => {
    const picked = new Set<number>();
    while (picked.size < count) {
      const words = seededBytes(`${seed} ${round++}`, 4096);
      for (let at = 0; at < words.length && picked.size < count; at += 4)
        picked.add(words.readUInt32LE(at) % limit);
    }
    return [...picked];
  };
}

export function buildSet(spec: SetSpec): RemappedSet {
  const { mainSectors, spareSectors, maxEntries, layout } = spec;
  const geometry = redundantGeometry(spareSectors, maxEntries);
  const dataSectors = layout === 'redundant' ? geometry.dataSectors : spareSectors - geometry.dataStart;
  const entries = spec.entries({
    mainSectors,
    dataStart: geometry.dataStart,
    dataSectors,
    pick: picker(spec.seed),
  });
  const image = { layout, sectors: spareSectors, maxEntries, mainSectors, entries };
  const spare = buildImage({ ...image, fields: spec.fields ?? {} });
  const data = seededBytes(`${spec.seed} spare`, dataSectors * SECTOR);
  data.copy(spare, SECTOR * geometry.dataStart);
  return { entries, spare, main: seededBytes(`${spec.seed} main`, mainSectors * SECTOR) };
}

/** What reading the remapped device from its first to its last sector gives. */
export function remappedContent({ entries, main, spare }: RemappedSet): Buffer {
  const content = Buffer.from(main);
  for (const [to, from] of entries) {
    const at = Number(from) * SECTOR;
    spare.copy(content, Number(to) * SECTOR, at, at + SECTOR);
  }
  return content;
}

/** The set after `content` was written to the remapped device at this byte offset (whole sectors). */
export function writtenThrough(set: RemappedSet, offset: number, content: Buffer): RemappedSet {
  const after = { entries: set.entries, main: Buffer.from(set.main), spare: Buffer.from(set.spare) };
  const spareOf = new Map(set.entries.map(([main, spare]) => [Number(main), Number(spare)]));
  for (let done = 0; done < content.length; done += SECTOR) {
    const sector = (offset + done) / SECTOR;
    const moved = spareOf.get(sector);
    if (moved === undefined) content.copy(after.main, sector * SECTOR, done, done + SECTOR);
    else content.copy(after.spare, moved * SECTOR, done, done + SECTOR);
  }
  return after;
}

export function sha256(content: Uint8Array): string {
  return hash('sha256', content);
}

export function saveImage(path: string, content: Uint8Array): string {
  writeFileSync(path, content);
  return path;
}
