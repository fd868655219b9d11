import { endPlace, headerAt, type Layout, seal, tablePlace } from './build-image.js';
import { ENTRY_LENGTH, HEADER_LENGTH, redundantGeometry, SECTOR } from './format-numbers.js';
import type { Subject } from './mutate.js';
import { SEALED } from './mutate-sealed.js';
import { SIZES } from './mutate-sizes.js';

/** A way to damage an image. It says what it did, in full: bytes, sectors, fields, values. */
export interface Kind {
  readonly name: string;
  /** The layouts it makes sense in; all unless told. */
  readonly layouts?: readonly Layout[];
  /** It changes nothing that any rule looks at. */
  readonly harmless?: boolean;
  apply(subject: Subject): string;
}

/** A byte in the metadata, mostly in what the checksums cover, or anywhere. */
function placeToHit({ image, spec, random }: Subject): number {
  const front = HEADER_LENGTH + spec.entries.length * ENTRY_LENGTH;
  const ranges: [number, number][] = [
    [0, 128],
    [0, 360],
    [0, HEADER_LENGTH],
    [HEADER_LENGTH, front],
    [0, image.length],
  ];
  if (spec.layout === 'redundant') {
    const end = endPlace(image);
    const table = end - (redundantGeometry(0, spec.maxEntries).dataStart * SECTOR - HEADER_LENGTH);
    ranges.push([end, end + 360], [end, end + HEADER_LENGTH], [table, table + front - HEADER_LENGTH]);
  }
  const [from, to] = random.pick(ranges.filter(([low, high]) => low >= 0 && low < high));
  return random.between(from, Math.min(to, image.length) - 1);
}

function hitSector(subject: Subject): number {
  return Math.floor(placeToHit(subject) / SECTOR) * SECTOR;
}

/** Ranges that hold nothing that counts: free slots, padding, data, the tail. */
function idleRanges({ image, spec }: Subject): [number, number][] {
  const geometry = redundantGeometry(spec.sectors, spec.maxEntries);
  const live = spec.entries.length * ENTRY_LENGTH;
  const redundant = spec.layout === 'redundant';
  const ranges: [number, number][] = [
    [HEADER_LENGTH + live, geometry.dataStart * SECTOR],
    [geometry.dataStart * SECTOR, (redundant ? geometry.backupTable : spec.sectors) * SECTOR],
  ];
  if (redundant) {
    const header = geometry.backupHeader * SECTOR;
    ranges.push(
      [geometry.backupTable * SECTOR + live, header],
      [header + HEADER_LENGTH, spec.sectors * SECTOR],
    );
  }
  return ranges.filter(([from, to]) => from < to && to <= image.length);
}

const BLUNT: readonly Kind[] = [
  {
    name: 'bit',
    apply(subject) {
      const at = placeToHit(subject);
      const bit = subject.random.below(8);
      subject.image[at] = (subject.image[at] ?? 0) ^ (1 << bit);
      return `bit ${bit} of byte ${at}`;
    },
  },
  {
    name: 'bytes',
    apply(subject) {
      const at = placeToHit(subject);
      const junk = subject.random.bytes(subject.random.pick([1, 2, 4, 16, 100]));
      junk.copy(subject.image, at);
      return `${junk.length} random bytes at ${at}`;
    },
  },
  {
    name: 'sectors zeroed',
    apply(subject) {
      const at = hitSector(subject);
      const count = subject.random.pick([1, 1, 8, 16]);
      subject.image.subarray(at, at + count * SECTOR).fill(0);
      return `${count} sectors at byte ${at}`;
    },
  },
  {
    name: 'sectors random',
    apply(subject) {
      const at = hitSector(subject);
      const junk = subject.random.bytes(subject.random.pick([1, 1, 8]) * SECTOR);
      junk.copy(subject.image, at);
      return `${junk.length / SECTOR} sectors at byte ${at}`;
    },
  },
  {
    name: 'header lost',
    apply({ image, random }) {
      const place = random.pick([0, endPlace(image)]);
      const length = random.pick([SECTOR, HEADER_LENGTH]);
      image.fill(0, place, place + length);
      return `${length} bytes zeroed at ${place}`;
    },
  },
  {
    name: 'idle bytes',
    harmless: true,
    apply(subject) {
      const ranges = idleRanges(subject);
      if (ranges.length === 0) return 'there are none';
      const [from, to] = subject.random.pick(ranges);
      const at = subject.random.between(from, to - 1);
      const junk = subject.random.bytes(Math.min(to - at, subject.random.pick([1, 16, SECTOR, 5000])));
      junk.copy(subject.image, at);
      return `${junk.length} random bytes at ${at}`;
    },
  },
  {
    name: 'copies swapped',
    layouts: ['redundant'],
    apply({ image, random }) {
      const [from, to] = random.pick([
        [0, endPlace(image)],
        [endPlace(image), 0],
      ] as const);
      const sealed = random.chance(0.5);
      const both = random.chance(0.5);
      const saved = Buffer.from(headerAt(image, to));
      headerAt(image, from).copy(image, to);
      if (both) saved.copy(image, from);
      if (sealed) seal(image, 'both');
      return `header from ${from} to ${to}${both ? ' and back' : ''}${sealed ? ', sealed' : ''}`;
    },
  },
  {
    name: 'table half written',
    layouts: ['redundant'],
    apply({ image, spec, random }) {
      const place = random.pick([0, endPlace(image)]);
      const table = tablePlace(image, place);
      const bytes = Math.floor((spec.entries.length * ENTRY_LENGTH) / 2);
      random.bytes(bytes).copy(image, table);
      return `${bytes} bytes at ${table}`;
    },
  },
];

export const MUTATIONS: readonly Kind[] = [...BLUNT, ...SEALED, ...SIZES];
