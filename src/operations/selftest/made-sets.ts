import type { Dice } from '../../device/crash/dice.js';
import type { Fault } from '../../device/filters/error-device.js';
import { MemoryDevice } from '../../device/memory-device.js';
import { dataStart, tableArea } from '../../format/geometry.js';
import { HEADER_SIZE, STATE } from '../../format/header.js';
import { eraseHeader } from '../../store/commit.js';
import { placeOf } from '../../store/content.js';
import type { CopyName } from '../../store/copy.js';
import { createPhases, type FreshSet, freshContent } from '../../store/create.js';
import { writePhases } from '../../store/phase.js';
import type { NewEntry } from '../../store/step.js';
import { MetadataWriter } from '../../store/writer.js';
import { bytes, SECTOR_SIZE, sectors } from '../../units.js';
import { NOW, type Start } from './stage.js';

/** Spares in every condition in which an operation may begin, made in memory. */

export type Layout = 'redundant' | 'plain';

export interface SetSpec {
  readonly layout: Layout;
  readonly maxEntries: number;
  /** Live entries. */
  readonly entries: number;
  /** Data sectors, a multiple of 8. */
  readonly dataSectors: number;
  readonly blockSize: 512 | 4096;
}

/** What has befallen a set before the operation begins. */
export interface Condition {
  readonly name: string;
  readonly layouts: readonly Layout[];
  /** Sectors by which the device has grown, a multiple of 8. */
  readonly grown?: number;
  /** A sector of this copy cannot be written: its header. */
  readonly unwritable?: CopyName;
  readonly befall?: (device: MemoryDevice, writer: MetadataWriter, dice: Dice) => Promise<void>;
}

const BOTH: readonly Layout[] = ['redundant', 'plain'];
const REDUNDANT: readonly Layout[] = ['redundant'];

export const CONDITIONS: readonly Condition[] = [
  { name: 'clean', layouts: BOTH },
  { name: 'dirty', layouts: BOTH, befall: async (_, writer) => void (await writer.commit(DIRTY, NOW)) },
  { name: 'stale primary', layouts: REDUNDANT, befall: (...all) => writeOneCopy('backup', ...all) },
  { name: 'stale backup', layouts: REDUNDANT, befall: (...all) => writeOneCopy('primary', ...all) },
  {
    name: 'primary erased',
    layouts: REDUNDANT,
    befall: (device, writer) => eraseCopy('primary', device, writer),
  },
  {
    name: 'backup erased',
    layouts: REDUNDANT,
    befall: (device, writer) => eraseCopy('backup', device, writer),
  },
  {
    name: 'primary unwritable',
    layouts: REDUNDANT,
    unwritable: 'primary',
    befall: (device, writer) => eraseCopy('primary', device, writer),
  },
  {
    name: 'backup unwritable',
    layouts: REDUNDANT,
    unwritable: 'backup',
    befall: (device, writer) => eraseCopy('backup', device, writer),
  },
  { name: 'grown', layouts: BOTH, grown: 64 },
  { name: 'grown a little', layouts: BOTH, grown: 8 },
];

const DIRTY = { header: { state: STATE.dirty } };

/** Of which data lies where, and in which order, chance decides. */
export async function makeStart(spec: SetSpec, condition: Condition, dice: Dice): Promise<Start> {
  const whole = sizeOf(spec);
  const made = new MemoryDevice(new Uint8Array(whole), { logicalBlockSize: spec.blockSize });
  const fresh: FreshSet = {
    layout: spec.layout,
    size: bytes(whole),
    maxEntries: spec.maxEntries,
    mainSize: sectors(MAIN_SECTORS),
    mainId: '',
    setUuid: uuidFrom(dice),
    spareUuid: uuidFrom(dice),
    now: NOW - 1000n,
  };
  await writePhases(made, createPhases(freshContent(fresh), spec.blockSize));
  const writer = await MetadataWriter.open(made);
  for (const { at, content } of randomData(spec, dice)) await made.write(bytes(at), content);
  await writer.commit({ append: randomEntries(spec, dice) }, NOW - 500n);
  await condition.befall?.(made, writer, dice);
  const content = new Uint8Array(whole + (condition.grown ?? 0) * SECTOR_SIZE);
  content.set(made.content);
  const faults = faultsOf(condition, writer);
  return {
    name: [spec.layout, condition.name, ...(spec.blockSize === 4096 ? ['4Kn'] : [])].join(', '),
    device: new MemoryDevice(content, { name: 'scratch', logicalBlockSize: spec.blockSize }),
    seed: dice.below(2 ** 32),
    ...(faults.length > 0 ? { faults } : {}),
  };
}

const MAIN_SECTORS = 100_000;

function sizeOf({ layout, maxEntries, dataSectors }: SetSpec): number {
  const copy = HEADER_SIZE + tableArea(maxEntries);
  return (layout === 'redundant' ? 2 : 1) * copy + dataSectors * SECTOR_SIZE;
}

function uuidFrom(dice: Dice): string {
  const digits = Buffer.from(dice.bytes(16)).toString('hex');
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

function randomData({ maxEntries, dataSectors }: SetSpec, dice: Dice) {
  const start = dataStart(maxEntries) * SECTOR_SIZE;
  return Array.from({ length: dataSectors / 8 }, (_, index) => ({
    at: start + index * 4096,
    content: dice.bytes(4096),
  }));
}

function randomEntries({ maxEntries, entries, dataSectors }: SetSpec, dice: Dice): NewEntry[] {
  const start = dataStart(maxEntries);
  const spares = Array.from({ length: dataSectors }, (_, index) => start + index);
  const mains = new Set<number>();
  while (mains.size < entries) mains.add(dice.below(MAIN_SECTORS));
  return Array.from(mains, (main) => [main, spares.splice(dice.below(spares.length), 1)[0] ?? start]);
}

/** A commit that reached one copy alone. */
async function writeOneCopy(
  copy: CopyName,
  device: MemoryDevice,
  writer: MetadataWriter,
  dice: Dice,
): Promise<void> {
  const phases = writer.plan({ remove: [dice.below(writer.content.table.count)] }, NOW - 100n);
  await writePhases(
    device,
    phases.filter(({ purpose }) => purpose.includes(copy)),
  );
}

async function eraseCopy(copy: CopyName, device: MemoryDevice, writer: MetadataWriter): Promise<void> {
  const { headerAt } = placeOf(writer.content.header, copy);
  await writePhases(device, [eraseHeader(headerAt, device.logicalBlockSize, copy)]);
}

function faultsOf({ unwritable }: Condition, writer: MetadataWriter): Fault[] {
  if (unwritable === undefined) return [];
  const { headerAt } = placeOf(writer.content.header, unwritable);
  return [{ sector: headerAt / SECTOR_SIZE, on: 'write' }];
}
