import { createHash } from 'node:crypto';
import { buildImage, endPlace, patchSealed } from '../support/build-image.js';
import { BACKUP_COPY, redundantGeometry, SECTOR, tableArea, u32 } from '../support/format-numbers.js';
import { Random } from '../support/random.js';

/** Commands that are killed in their midst: what they work on, and what may be there afterwards. */

type Entries = readonly (readonly [main: number, spare: number])[];
type Layout = 'redundant' | 'plain';

export interface Victim {
  readonly name: string;
  /** What lies on the spare before the first line. */
  readonly image: Buffer;
  /** Lines of dmremap that are run before. `SPARE`, `MAIN` and `DUMP` stand for files. */
  readonly earlier: readonly (readonly string[])[];
  /** The line that is killed. */
  readonly line: readonly string[];
  /** What the set shows before and after it. */
  readonly before: string;
  readonly after: string;
  /** What recovers it: a check, -y where its damage is none that -p corrects, or the line itself once more. */
  readonly recovery: '-p' | '-y' | 'again';
}

const SECTORS = 400;
const CAPACITY = 600;
/** They take two blocks of the table. */
const LIVE = 300;
export const MAIN_SECTORS = 20_000;

const { dataStart, backupTable } = redundantGeometry(SECTORS, CAPACITY);

/** In the way of a larger table at the front. */
const LOW = entriesFrom(dataStart);
/** In the way of a second copy at the end. */
const HIGH = entriesFrom(SECTORS - LIVE);

function entriesFrom(spare: number): Entries {
  return Array.from({ length: LIVE }, (_, index) => [1000 + index, spare + index]);
}

/** Every seventh entry stands for another main sector. */
function readdressed(entries: Entries): Entries {
  return entries.map(([main, spare], index) => [index % 7 === 0 ? main + 5000 : main, spare]);
}

/**
 * A set in which every remap has data of its own; zeros, as main has them, where `readdressed` makes a
 * difference, so that it can be undone.
 */
function setOf(layout: Layout, entries: Entries, generation = 7): Buffer {
  const image = buildImage({
    layout,
    sectors: SECTORS,
    maxEntries: CAPACITY,
    mainSectors: MAIN_SECTORS,
    entries,
    generation,
  });
  const random = new Random(5);
  for (const [index, [, spare]] of entries.entries())
    if (index % 7 !== 0) random.bytes(SECTOR).copy(image, spare * SECTOR);
  return image;
}

/** Main sectors with what they show: equal where remaps and data are. */
export function shown(image: Buffer, entries: Entries): string {
  const lines = entries.map(([main, spare]) => {
    const data = image.subarray(spare * SECTOR, (spare + 1) * SECTOR);
    return `${main} ${createHash('sha1').update(data).digest('hex')}`;
  });
  return lines.sort().join('\n');
}

/** The image from which DUMP is taken. */
export const DUMPED: Readonly<Record<Layout, Buffer>> = {
  redundant: setOf('redundant', readdressed(LOW)),
  plain: setOf('plain', readdressed(LOW)),
};

export function layoutOf(image: Buffer): Layout {
  return (u32(image, 'ro_compat_flags') & BACKUP_COPY) === 0 ? 'plain' : 'redundant';
}

const NEW = shown(DUMPED.redundant, readdressed(LOW));

const RESTORE = ['restore', 'SPARE', '--input', 'DUMP', '--accept-guess', '--same-device', '--yes'];
const UNDO = ['undo', 'SPARE', '--main', 'MAIN', '--yes'];

/** A line that keeps every remap. */
function keeping(name: string, layout: Layout, entries: Entries, line: readonly string[]): Victim {
  const image = setOf(layout, entries);
  return kept(name, image, entries, line);
}

function kept(
  name: string,
  image: Buffer,
  entries: Entries,
  line: readonly string[],
  earlier: Victim['earlier'] = [],
  recovery: Victim['recovery'] = line.includes('-y') ? '-y' : '-p',
): Victim {
  const before = shown(image, entries);
  return { name, image, earlier, line, before, after: before, recovery };
}

const toLayout = (layout: Layout) => ['convert', 'SPARE', '--layout', layout, '--yes'];
const toEntries = (entries: number) => ['resize', 'SPARE', '--entries', String(entries), '--yes'];

function restoring(layout: Layout): Victim {
  const image = setOf(layout, LOW);
  const before = shown(image, LOW);
  return {
    name: `restore, ${layout}`,
    image,
    earlier: [],
    line: RESTORE,
    before,
    after: NEW,
    recovery: '-p',
  };
}

function undoing(layout: Layout): Victim {
  const restored = restoring(layout);
  return {
    ...restored,
    name: `undo of a restore, ${layout}`,
    earlier: [RESTORE],
    line: UNDO,
    before: NEW,
    after: restored.before,
  };
}

function creating(layout: Layout, over: Layout): Victim {
  const line = ['create', 'SPARE', '--main-size', `${MAIN_SECTORS}s`, '--entries', '200', '--layout', layout];
  const image = setOf(over, LOW);
  return {
    name: `create ${layout} over ${over}`,
    image,
    earlier: [],
    line: [...line, '--discard-remaps', String(LIVE), '--yes'],
    before: shown(image, LOW),
    after: '',
    recovery: '-p',
  };
}

/** A redundant set whose primary is of an older generation. */
function stale(): Buffer {
  const image = setOf('redundant', readdressed(LOW), 8);
  setOf('redundant', LOW).copy(image, 0, 0, dataStart * SECTOR);
  return image;
}

/** A plain set with the second copy of a conversion that was cut short; its state is dirty. */
function leftOver(): Buffer {
  const image = setOf('plain', LOW);
  const redundant = setOf('redundant', LOW, 8);
  redundant.copy(image, backupTable * SECTOR, backupTable * SECTOR);
  patchSealed(image, 'primary', 'state', 1);
  return image;
}

function grown(): Buffer {
  return Buffer.concat([setOf('redundant', LOW), Buffer.alloc(64 * SECTOR)]);
}

/** Both copies damaged, each in another block of its table. */
function damagedApart(): Buffer {
  const image = setOf('redundant', LOW);
  const table = endPlace(image) - tableArea(CAPACITY);
  image.fill(0xa5, 4096 + 100, 4096 + 400);
  image.fill(0xa5, table + 4096 + 100, table + 4096 + 400);
  return image;
}

/** One bit of one entry has flipped. */
function flipped(): Buffer {
  const image = setOf('plain', LOW);
  image.writeUInt8(image.readUInt8(4096 + 777) ^ 4, 4096 + 777);
  return image;
}

/** One sector of main stands in two entries, by a right checksum; which of them is right the line says. */
function repairing(layout: Layout): Victim {
  const [[main, spare] = [0, 0], ...others] = LOW;
  const kept: Entries = [[main, spare], ...others.slice(0, -1)];
  const image = setOf(layout, [...kept, [main, spare + LIVE - 1]]);
  const after = shown(image, kept);
  const line = ['repair', 'SPARE', '--answer', `main-duplicate@${main}=keep-${spare}`, '--yes'];
  return {
    name: `repair of a duplicate, ${layout}`,
    image,
    earlier: [],
    line,
    before: after,
    after,
    recovery: 'again',
  };
}

/** Those that keep every remap, or put it back. */
export const KEEPING: readonly Victim[] = [
  keeping('convert to redundant', 'plain', HIGH, toLayout('redundant')),
  keeping('convert to plain', 'redundant', LOW, toLayout('plain')),
  keeping('resize up, redundant', 'redundant', LOW, toEntries(1000)),
  keeping('resize up, plain', 'plain', LOW, toEntries(1000)),
  keeping('resize down, redundant', 'redundant', LOW, toEntries(LIVE)),
  kept('resize of a grown device', grown(), LOW, toEntries(1000)),
  undoing('redundant'),
  undoing('plain'),
  kept('undo of a conversion', setOf('redundant', LOW), LOW, UNDO, [toLayout('plain')]),
];

/** Those that replace the set, or write over what is damaged. */
export const REPLACING: readonly Victim[] = [
  restoring('redundant'),
  restoring('plain'),
  creating('redundant', 'plain'),
  creating('plain', 'redundant'),
  kept('check -p, stale primary', stale(), readdressed(LOW), ['check', '-p', 'SPARE']),
  kept('check -p, left over backup', leftOver(), LOW, ['check', '-p', 'SPARE']),
  kept('check -p, grown device', grown(), LOW, ['check', '-p', 'SPARE']),
  kept('check -y, both copies damaged', damagedApart(), LOW, ['check', '-y', 'SPARE']),
  kept('check -y, flipped bit', flipped(), LOW, ['check', '-y', 'SPARE']),
];

/** What a person decides; here the line itself may be what recovers. */
export const REPAIRS: readonly Victim[] = [
  repairing('redundant'),
  repairing('plain'),
  kept('repair, grown device', grown(), LOW, ['repair', 'SPARE', '--yes']),
  kept('repair, both copies damaged', damagedApart(), LOW, ['repair', 'SPARE', '--yes'], [], '-y'),
  kept('repair, flipped bit', flipped(), LOW, ['repair', 'SPARE', '--yes'], [], '-y'),
];

/** Whatever changes metadata, and is recovered by a check, has a row here. */
export const VICTIMS: readonly Victim[] = [...KEEPING, ...REPLACING];
