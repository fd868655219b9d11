import {
  buildImage,
  type Entry,
  headerAt,
  type ImageSpec,
  patch,
  patchEntry,
  patchSealed,
  seal,
} from '../support/build-image.js';
import { EMPTY_SLOT, redundantGeometry, SECTOR } from '../support/format-numbers.js';
import { Random } from '../support/random.js';
import type { Start } from './power-cut.js';

/** Spares with everything that check corrects, from the independent builder, with data in their sectors. */

const MAX = 252;
const SECTORS = 264;
const ENTRIES: readonly Entry[] = Array.from({ length: 200 }, (_, index): Entry => [index * 9, 16 + index]);
/** Before the last commits: shorter, and in another order. */
const OLDER = ENTRIES.slice(0, 197).reverse();

const SPEC = { layout: 'redundant', sectors: SECTORS, maxEntries: MAX, entries: ENTRIES } as const;

function image(spec: Partial<ImageSpec> = {}, change: (image: Buffer) => void = () => {}): Buffer {
  const built = buildImage({ ...SPEC, ...spec });
  const random = new Random(7);
  for (const [, spare] of ENTRIES) random.bytes(SECTOR).copy(built, Number(spare) * SECTOR);
  change(built);
  return built;
}

const zeros = (sectors: number) => ({ tailBytes: Buffer.alloc(sectors * SECTOR) });
const stalePrimary = { entries: OLDER, backupEntries: ENTRIES, backupGeneration: 2 };
const staleBackup = { backupEntries: OLDER, backupGeneration: 0xffff_ffff };
const oldHeader = redundantGeometry(SECTORS, MAX).backupHeader * SECTOR;
const oldTable = redundantGeometry(SECTORS, MAX).backupTable * SECTOR;

function emptySlots(built: Buffer): void {
  const end = redundantGeometry(SECTORS, MAX);
  for (const slot of [0, 7, 198, 199])
    for (const table of [4096, end.backupTable * SECTOR])
      built.writeBigUInt64LE(EMPTY_SLOT, table + slot * 16);
  seal(built, 'primary');
  seal(built, oldHeader);
}

function torn(place: number, table: number) {
  return (built: Buffer) => {
    new Random(8).bytes(512).copy(built, table);
    built.writeUInt32LE(0x1234, place + 12);
  };
}

/** A move to a larger size that was cut short before its primary. */
function moving(by: number, spec: Partial<ImageSpec> = {}): Buffer {
  const before = image({ ...spec, ...zeros(by) });
  const after = buildImage({ ...SPEC, ...spec, sectors: SECTORS + by, generation: 2 });
  const from = redundantGeometry(SECTORS + by, MAX).backupTable * SECTOR;
  after.copy(before, from, from);
  return before;
}

function plainWithBackup(creationTime: number, generation: number): Buffer {
  const plain = image({ layout: 'plain', generation });
  const old = buildImage({ ...SPEC, fields: { creation_time: creationTime } });
  old.copy(plain, oldTable, oldTable);
  return plain;
}

type Case = readonly [name: string, image: Buffer, mode?: 'preen' | 'yes'];

const garbage = (sectors: number) => ({ tailBytes: new Random(9).bytes(sectors * SECTOR) });

const CASES: readonly Case[] = [
  ['stale primary', image(stalePrimary)],
  ['stale primary at the wrap', image({ ...stalePrimary, generation: 0xffff_ffff, backupGeneration: 1 })],
  ['stale backup', image(staleBackup)],
  ['primary lost', image({}, (built) => built.fill(0, 0, 8192))],
  ['primary torn', image({}, torn(0, 4096))],
  ['primary overwritten', image({}, (built) => new Random(3).bytes(8192).copy(built, 0))],
  ['backup lost', image({}, (built) => built.fill(0, oldTable))],
  ['backup torn', image({}, torn(oldHeader, oldTable))],
  [
    'backup overwritten',
    image({}, (built) => new Random(4).bytes(built.length - oldTable).copy(built, oldTable)),
  ],
  ['dirty', image({ state: 1 })],
  ['dirty with a stale primary', image({ ...stalePrimary, state: 1 })],
  ['dirty with a damaged backup', image({ state: 2 }, torn(oldHeader, oldTable))],
  ['empty slots', image({}, emptySlots)],
  [
    'empty slots, dirty, primary lost',
    image({ state: 1 }, (built) => {
      emptySlots(built);
      built.fill(0, 0, 512);
    }),
  ],
  ['grown by less than a block', image(zeros(7))],
  ['grown by less than a block over garbage', image(garbage(7))],
  ...[8, 16, 24, 32, 40, 200].map((by): Case => [`grown by ${by} sectors`, image(zeros(by))]),
  ...[8, 16, 24, 40].map(
    (by): Case => [`grown by ${by} sectors with a stale primary`, image({ ...stalePrimary, ...zeros(by) })],
  ),
  ...[8, 40].map(
    (by): Case => [`grown by ${by} sectors with a stale backup`, image({ ...staleBackup, ...zeros(by) })],
  ),
  ...[8, 24, 40].map(
    (by): Case => [
      `grown by ${by} sectors with a torn primary`,
      image(zeros(by), (built) => new Random(5).bytes(512).copy(built, 4096)),
    ],
  ),
  ...[8, 40].map(
    (by): Case => [
      `grown by ${by} sectors with a torn backup`,
      image(zeros(by), (built) => new Random(6).bytes(512).copy(built, oldTable)),
    ],
  ),
  ['grown, dirty', image({ state: 1, ...zeros(48) })],
  ['grown, dirty, overlapping, stale primary', image({ ...stalePrimary, state: 1, ...zeros(16) })],
  ['grown, empty slots', image(zeros(16), emptySlots)],
  ['grown at the wrap', image({ generation: 0xffff_ffff, ...zeros(48) })],
  ['grown, something beyond', image(garbage(40)), 'yes'],
  ['grown, overlapping, something beyond', image(garbage(16)), 'yes'],
  ...[8, 24, 48].map((by): Case => [`move without its primary, by ${by}`, moving(by)]),
  ['move without its primary, dirty', moving(48, { state: 1 })],
  ['superseded backup, primary torn', withTornTable(moving(48))],
  ['backup left over of a conversion', plainWithBackup(1_696_195_200, 2)],
  ['backup left over of an earlier life', plainWithBackup(5, 2), 'yes'],
  ['plain, dirty', image({ layout: 'plain', state: 1 })],
  ['plain, grown', image({ layout: 'plain', ...garbage(40) })],
  ['plain with an identity, grown, dirty', image({ layout: 'plain-ext', state: 1, ...zeros(5 * 8) })],
  ['plain, dirty, backup left over', dirtied(plainWithBackup(1_696_195_200, 2))],
  ['reserved bytes', image({ fields: { reserved_back: Buffer.from('beyond') } }), 'yes'],
  [
    'reserved bytes, grown over something, dirty',
    image({ state: 1, fields: { reserved_front: Buffer.from('a') }, ...garbage(48) }),
    'yes',
  ],
  ['retired, primary lost', image({ role: 2 }, (built) => built.fill(0, 0, 512))],
  ['target, backup torn', image({ role: 1 }, torn(oldHeader, oldTable))],
  ['target, stale primary', image({ ...stalePrimary, role: 1 })],
];

function withTornTable(built: Buffer): Buffer {
  new Random(10).bytes(512).copy(built, 4096);
  return built;
}

function dirtied(built: Buffer): Buffer {
  patchSealed(built, 'primary', 'state', 1);
  return built;
}

/** Each case with blocks of 512 bytes and, where its size allows, of 4096. */
export const STARTS: readonly Start[] = CASES.flatMap(([name, built, mode = 'preen']) => {
  const start = { image: built, mode };
  const small: Start = { ...start, name, blockSize: 512 };
  if (built.length % 4096 !== 0) return [small];
  return [small, { ...start, name: `${name}, 4Kn`, blockSize: 4096 }];
});

/** By its name: the backup of a grown device is moved. */
export function isMove(name: string): boolean {
  return /grown|move|superseded/.test(name);
}

/** What a plain image takes only under an undo file. */
export const WITH_UNDO: readonly (readonly [name: string, image: Buffer])[] = [
  [
    'plain, empty slots',
    image({ layout: 'plain' }, (built) => {
      patchEntry(built, 'primary', 3, [EMPTY_SLOT, 0]);
      seal(built, 'primary');
    }),
  ],
  [
    'plain, reserved bytes behind the first sector',
    image({ layout: 'plain' }, (built) => {
      headerAt(built, 0)[1000] = 1;
      seal(built, 'primary');
    }),
  ],
];

/** The same changes where they are confined to the first sector. */
export const WITHOUT_UNDO: readonly (readonly [name: string, image: Buffer])[] = [
  [
    'plain, reserved bytes in the first sector',
    image({ layout: 'plain' }, (built) => {
      patch(built, 'primary', 'reserved_front', Buffer.from('x'));
      seal(built, 'primary');
    }),
  ],
  ['redundant, empty slots', image({}, emptySlots)],
];
