import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import {
  linearLines,
  linearSegments,
  type Remap,
  remapLine,
  remapMessages,
  type Segment,
  splitBlock,
} from '../exchange/dm-table.js';
import type { RemapTable } from '../format/entry.js';
import { dataStart } from '../format/geometry.js';
import { type Header, hasExtension, isRedundant } from '../format/header.js';
import { SECTOR_SIZE } from '../units.js';
import { diagnose, holderOf } from './diagnose.js';
import { type ResolvedMain, resolveMain } from './main-device.js';
import { mappedName } from './mapped-name.js';
import { withDevice } from './open-device.js';
import { doubts, legible, type ReadableSpare, refusePassive, refuseUnknown } from './spare.js';

export interface TableOptions {
  readonly main?: string | undefined;
  readonly acceptMain?: string | undefined;
  readonly target: 'linear' | 'remap';
  readonly readOnly: boolean;
}

export interface DmTable {
  /** For dmsetup: a name without blanks, and the uuid that marks the device as ours. */
  readonly name: string;
  readonly uuid: string;
  readonly readOnly: boolean;
  readonly target: 'linear' | 'remap';
  /** Made as they are taken: there may be millions. */
  readonly lines: Iterable<string>;
  /** For --target remap, to be sent in this order. */
  readonly messages: Iterable<string>;
  readonly segments: number;
  readonly warnings: readonly string[];
}

/** From so many segments on, loading and holding the table costs more than a server would. */
export const MANY_SEGMENTS = 20_000;

/**
 * The device-mapper table of a set, against the real sizes of both devices. Undefined where the metadata is
 * not valid (exit 4).
 *
 * @throws DmremapError `retired`, `incomplete`, `unsupported` (also where a logical block would be split, or
 * the module could not lay the remaps out so), `wrong-main`
 */
export function makeTable(path: string, options: TableOptions): Promise<DmTable | undefined> {
  return withDevice(path, 'read', async (device) => {
    const diagnosis = await diagnose(device, { holder: holderOf(device) });
    refuseUnknown(path, diagnosis.problems);
    const spare = legible(diagnosis);
    if (spare === undefined) return undefined;
    refusePassive(path, spare);
    if (doubts(diagnosis).length > 0) return undefined;
    const main = await resolveMain(device, spare.chosen.header, options);
    return build(device, spare, main, options);
  });
}

function build(device: FileDevice, spare: ReadableSpare, main: ResolvedMain, options: TableOptions): DmTable {
  const { header } = spare.chosen;
  const images = [main, device]
    .filter(({ deviceNumber }) => deviceNumber === undefined)
    .map(({ path }) => path);
  const { holder } = spare.diagnosis.survey;
  const warnings = [
    ...main.warnings,
    ...(holder === undefined
      ? []
      : [`${device.path} is in use (${holder}): what is remapped from now on is not in this table`]),
    ...images.map(
      (image) => `${image} is an image file: attach it with losetup and put the loop device in its place`,
    ),
  ];
  if (options.target === 'remap') {
    const size = Number(header.main_device_size);
    const names = { main: nameOf(main), spare: nameOf(device) };
    const common = { ...labels(header), readOnly: options.readOnly, target: options.target };
    const remaps = sorted(spare.table, 'spare');
    const end = isRedundant(header) ? Number(header.backup_table) : device.size / SECTOR_SIZE;
    const line = remapLine(size, remaps, dataStart(header.max_entries), end, names);
    if (line === undefined) throw gaps(device.path);
    return { ...common, lines: [line], messages: again(() => remapMessages(remaps)), segments: 1, warnings };
  }
  const linear = linearTable({ header, table: spare.table }, main, device, options.readOnly);
  if (linear.segments > MANY_SEGMENTS)
    warnings.push(
      `${linear.segments} segments: the kernel holds all of them in memory and splits requests at each; ` +
        'a server over NBD is the wiser way from here on',
    );
  return { ...linear, warnings };
}

/** A device as a table calls it. */
interface TableDevice {
  readonly path: string;
  readonly deviceNumber: string | undefined;
  readonly logicalBlockSize: number;
}

/**
 * The linear table of a set, without a warning.
 *
 * @throws DmremapError `unsupported` where a logical block would be split
 */
export function linearTable(
  { header, table }: { readonly header: Header; readonly table: RemapTable },
  main: TableDevice,
  spare: TableDevice,
  readOnly: boolean,
): DmTable {
  const remaps = sorted(table, 'main');
  const segments = again(() => linearSegments(Number(header.main_device_size), remaps));
  refuseSplit(segments, main, spare);
  const names = { main: nameOf(main), spare: nameOf(spare) };
  return {
    ...labels(header),
    readOnly,
    target: 'linear',
    lines: again(() => linearLines(segments, names)),
    messages: [],
    segments: countOf(segments),
    warnings: [],
  };
}

/** What can be gone through several times without being held. */
function again<Item>(make: () => Iterator<Item>): Iterable<Item> {
  return { [Symbol.iterator]: make };
}

function countOf(items: Iterable<unknown>): number {
  let count = 0;
  for (const _ of items) count++;
  return count;
}

function gaps(path: string): DmremapError {
  return new DmremapError(
    'unsupported',
    `${path}: the dm-remap module hands out spare sectors in a row; these leave gaps`,
    {
      hint: 'use --target linear',
    },
  );
}

function sorted(table: RemapTable, side: keyof Remap): Iterable<Remap> {
  const order = table.sortedIndices(side);
  return again(function* () {
    for (const index of order) yield { main: table.mainSector(index), spare: table.spareSector(index) };
  });
}

function nameOf({ path, deviceNumber }: Pick<TableDevice, 'path' | 'deviceNumber'>): string {
  return deviceNumber ?? path;
}

function labels(header: Header): { name: string; uuid: string } {
  return { name: mappedName(header), uuid: `DMREMAP-${hasExtension(header) ? header.set_uuid : 'plain'}` };
}

function refuseSplit(segments: Iterable<Segment>, main: TableDevice, spare: TableDevice): void {
  const block = Math.max(main.logicalBlockSize, spare.logicalBlockSize);
  const split = splitBlock(segments, block / SECTOR_SIZE);
  if (split === undefined) return;
  throw new DmremapError(
    'unsupported',
    `a logical block of ${block} bytes would be split at sector ${split.start} (${split.length} sectors on ${split.device})`,
    { hint: 'device-mapper cannot address parts of a block; no table can map this set' },
  );
}
