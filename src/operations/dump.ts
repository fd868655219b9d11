import { describeFaults } from '../check/rules/faults.js';
import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { type Identity, identify } from '../device/identity.js';
import { writeOutputFile } from '../device/output-file.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import { ENTRY_SIZE, RemapTable } from '../format/entry.js';
import { TABLE_START } from '../format/geometry.js';
import { HEADER } from '../format/header.js';
import { nonZeroReserved, toHex } from '../layout/codec.js';
import { chooseCopy } from '../store/choose.js';
import { type Copy, type CopyName, hasMagic, isValid, liveTableLength } from '../store/copy.js';
import { type LoadedCopies, loadCopies } from '../store/load.js';
import { type Bytes, bytes, roundUp } from '../units.js';
import { openNamed } from './open-device.js';
import { refuseUnknownSet } from './spare.js';

/** One copy of the metadata, ready to be written out piece by piece. */
export interface Dump {
  readonly copy: Copy;
  /** The copy is valid, and is the chosen one unless another was asked for by name. */
  readonly valid: boolean;
  /** Reserved bytes that are not zero, so that nothing is lost. */
  readonly reserved: readonly { readonly byte: number; readonly hex: string }[];
  /** Entries that the header names but that are not there or not readable. */
  readonly missing: number;
  /** The entries in the order of the table, in parts: no table is ever whole in memory. */
  entries(): AsyncGenerator<RemapTable>;
}

/** A dump with the device that it reads from, which stays open until `close`. */
export interface OpenDump {
  readonly device: FileDevice;
  readonly identity: Identity;
  readonly dump: Dump;
  readonly warnings: readonly string[];
  /** 0 from a valid copy that could be read whole, else 4. */
  readonly exitCode: 0 | 4;
  close(): Promise<void>;
}

/** Opens a spare for dump. Throws as prepareDump and openDevice. */
export async function openDump(path: string, name?: CopyName): Promise<OpenDump> {
  const device = await openNamed(path, 'read');
  try {
    const dump = await prepareDump(device, name);
    return {
      device,
      identity: await identify(device),
      dump,
      warnings: warningsOf(path, dump),
      exitCode: dump.valid && dump.missing === 0 ? 0 : 4,
      close: () => device.close(),
    };
  } catch (error) {
    await device.close();
    throw error;
  }
}

function warningsOf(path: string, { copy, valid, missing }: Dump): string[] {
  const warnings: string[] = [];
  if (!valid)
    warnings.push(
      `${path}: the ${copy.name} copy is not valid (${describeFaults(copy)}): this is what can be read of it`,
    );
  if (missing > 0)
    warnings.push(`${path}: ${missing} of ${copy.header.entry_count} entries could not be read`);
  return warnings;
}

/** Writes a dump to a file; never over the device itself. Returns the bytes written. */
export function writeDumpFile(
  path: string,
  overwrite: boolean,
  device: FileDevice,
  content: AsyncIterable<string | Uint8Array>,
): Promise<number> {
  return writeOutputFile(path, { overwrite, never: [device] }, async (sink) => {
    for await (const piece of content) await sink.write(piece);
  });
}

/** How much of a table is in memory at a time, in bytes. */
const PART = 128 << 10;

/**
 * Prepares the dump of the chosen copy, or of the one asked for. Where none is valid the more telling one is
 * taken: what can be read of it is worth having.
 *
 * @throws DmremapError `not-dmremap3` where nothing was ever a set, `unsupported`, `io` where the copy's header cannot be read
 */
export async function prepareDump(device: BlockDevice, name?: CopyName): Promise<Dump> {
  const loaded = await loadCopies(device);
  const choice = chooseCopy(loaded);
  if (choice.chosen === undefined && !choice.evidence)
    throw new DmremapError('not-dmremap3', `${device.name} is not a DMREMAP3 spare: no header at either end`);
  await refuseUnknownSet(device, choice);
  const copy = name === undefined ? (choice.chosen ?? mostTelling(loaded)) : copyNamed(loaded, name);
  const tableAt = copy.tableAt ?? (copy.name === 'primary' ? TABLE_START : undefined);
  const length = tableAt === undefined ? 0 : readableLength(copy, tableAt, device.size);
  return {
    copy,
    valid: name === undefined ? choice.chosen !== undefined : isValid(copy),
    reserved: nonZeroReserved(HEADER, copy.block).map(({ field }) => ({
      byte: field.offset,
      hex: toHex(copy.block.subarray(field.offset, field.offset + field.size)).replace(/(00)+$/, ''),
    })),
    missing: copy.header.entry_count - length / ENTRY_SIZE,
    entries: () => readParts(device, tableAt ?? TABLE_START, length),
  };
}

function mostTelling({ primary, backups }: LoadedCopies): Copy {
  return [primary, ...backups].find((copy) => hasMagic(copy) && copy.tableAt !== undefined) ?? primary;
}

function copyNamed({ primary, backups }: LoadedCopies, name: CopyName): Copy {
  if (name === 'primary') return primary;
  const backup = backups.find(isValid) ?? backups.find(hasMagic) ?? backups[0];
  if (backup === undefined)
    throw new DmremapError('not-dmremap3', 'this device is too small to hold a backup');
  return backup;
}

/** Of the entries that the header names, as many bytes as its table and the device can hold. */
function readableLength({ header, name, headerAt }: Copy, tableAt: Bytes, size: Bytes): number {
  const named = liveTableLength(header);
  const capacity = header.max_entries > 0 ? header.max_entries * ENTRY_SIZE : named;
  const end = name === 'primary' ? size : headerAt;
  const held = Math.min(named, capacity, Math.max(end - tableAt, 0));
  return held - (held % ENTRY_SIZE);
}

async function* readParts(device: BlockDevice, tableAt: Bytes, length: number): AsyncGenerator<RemapTable> {
  const buffer = Buffer.allocUnsafeSlow(roundUp(Math.min(PART, length), device.logicalBlockSize));
  for (let offset = 0; offset < length; offset += PART) {
    const live = Math.min(PART, length - offset);
    const part = buffer.subarray(0, roundUp(live, device.logicalBlockSize));
    const unreadable = await readAround(device, bytes(tableAt + offset), part);
    yield* readableRuns(part.subarray(0, live), tableAt + offset, unreadable);
  }
}

/** The parts of a chunk whose entries could be read whole. */
function* readableRuns(
  chunk: Uint8Array,
  at: number,
  unreadable: readonly { readonly at: number; readonly length: number }[],
): Generator<RemapTable> {
  let from = 0;
  for (const bad of unreadable) {
    const to = Math.max(from, Math.floor((bad.at - at) / ENTRY_SIZE) * ENTRY_SIZE);
    if (to > from) yield new RemapTable(chunk.subarray(from, to));
    from = roundUp(bad.at + bad.length - at, ENTRY_SIZE);
  }
  if (from < chunk.length) yield new RemapTable(chunk.subarray(from));
}
