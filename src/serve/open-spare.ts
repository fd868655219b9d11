import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { compactTable, type RemapTable } from '../format/entry.js';
import type { Header } from '../format/header.js';
import { loadChoice } from '../store/load-choice.js';
import { type Guard, MetadataWriter } from '../store/writer.js';
import type { Counters } from './counters.js';
import { inTurns } from './in-turns.js';
import { type Clock, SpareSide } from './spare-side.js';
import { SpareTable } from './spare-table.js';

export interface SpareSettings {
  readonly readOnly: boolean;
  readonly now: Clock;
  /** See MetadataWriter. */
  readonly guard?: Guard;
}

/** A spare with its metadata at hand. */
export interface OpenedSpare {
  readonly device: BlockDevice;
  readonly content: { readonly header: Header; readonly table: RemapTable };
  readonly writer: MetadataWriter | undefined;
}

/**
 * Loads a spare, to write to it unless it is only read.
 *
 * @throws DmremapError `changed-since` where no copy counts; as openWriter()
 */
export async function openSpare(device: BlockDevice, settings: SpareSettings): Promise<OpenedSpare> {
  if (!settings.readOnly) {
    const { writer } = await openWriter(device, settings);
    return { device, content: writer.content, writer };
  }
  const { choice, table } = await loadChoice(device);
  if (choice.chosen === undefined || table === undefined)
    throw new DmremapError('changed-since', `${device.name}: no copy of its metadata counts`);
  return { device, content: { header: choice.chosen.header, table: compactTable(table) }, writer: undefined };
}

/** @throws DmremapError as MetadataWriter.open() */
export async function openWriter(device: BlockDevice, { now, guard }: Omit<SpareSettings, 'readOnly'>) {
  const writer = await MetadataWriter.open(device, guard === undefined ? {} : { guard });
  const { table } = writer.content;
  // entries are found by slot from here on, so none may be empty
  const remove: number[] = [];
  await inTurns(table.count, (slot) => {
    if (table.isEmpty(slot)) remove.push(slot);
  });
  if (remove.length > 0) {
    const outcome = await writer.commit({ remove }, now());
    if (outcome.kind === 'failed' || outcome.kind === 'unknown') throw outcome.failure;
  }
  return { device, writer };
}

/** @param blockSectors of main's physical block */
export async function sideOf(
  { device, content, writer }: OpenedSpare,
  counters: Counters,
  now: Clock,
  blockSectors: number,
): Promise<SpareSide> {
  const table = await SpareTable.load(device, content, blockSectors);
  return new SpareSide(device, { header: content.header, table }, writer, { counters, now, blockSectors });
}
