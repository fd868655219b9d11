import { describeFaults } from '../check/rules/faults.js';
import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { type Identity, identify } from '../device/identity.js';
import { writeOutputFile } from '../device/output-file.js';
import { DmremapError } from '../errors.js';
import { HEADER } from '../format/header.js';
import { nonZeroReserved, toHex } from '../layout/codec.js';
import { type Choice, chooseCopy } from '../store/choose.js';
import { type Copy, type CopyName, hasMagic, isValid } from '../store/copy.js';
import { type LoadedCopies, loadCopies, neverStill } from '../store/load.js';
import { notASpare } from './diagnose.js';
import { moduleImageOn } from './module-evidence.js';
import { openNamed } from './open-device.js';
import { refuseUnknownSet } from './spare.js';
import { TableStream } from './table-stream.js';
import { refuseUnreadable } from './unreadable.js';

export type { CopyName };

/** Metadata that can be written out piece by piece, wherever its entries come from. */
export interface Dumped {
  readonly copy: Pick<Copy, 'name' | 'header' | 'block' | 'headerAt'>;
  /** The copy is valid, and is the chosen one unless another was asked for by name. */
  readonly valid: boolean;
  /** Reserved bytes that are not zero, so that nothing is lost. */
  readonly reserved: readonly ReservedBytes[];
  /** The entries in the order of the table. */
  readonly table: Pick<TableStream, 'parts' | 'missing' | 'changed'>;
}

/** Bytes of one reserved row of the header that are not zero; zeros at their end are left out. */
export interface ReservedBytes {
  /** From the start of the header. */
  readonly byte: number;
  readonly hex: string;
}

/** The same with the device that it was taken from. */
export interface DumpSource {
  readonly device: Pick<FileDevice, 'path' | 'size'>;
  readonly identity: Identity;
  readonly dump: Dumped;
}

/** One copy of the metadata on a device. */
export interface Dump extends Dumped {
  readonly copy: Copy;
  readonly table: TableStream;
}

/** A dump with the device that it reads from, which stays open until `close`. */
export interface OpenDump extends DumpSource {
  readonly device: FileDevice;
  readonly dump: Dump;
  close(): Promise<void>;
}

/** Opens a spare for dump. Throws as prepareDump and openDevice. */
export async function openDump(path: string, name?: CopyName): Promise<OpenDump> {
  const device = await openNamed(path, 'read');
  try {
    const dump = await prepareDump(device, name);
    return { device, identity: await identify(device), dump, close: () => device.close() };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** Every entry that the header names was given out, and all of it was on the device at one moment. */
export function isComplete({ table }: Dumped): boolean {
  return table.missing === 0 && !table.changed;
}

/** 0 from a valid copy that was read whole, else 4. Final once the table has ended, as is isComplete. */
export function dumpExitCode(dump: Dumped): 0 | 4 {
  return dump.valid && isComplete(dump) ? 0 : 4;
}

/** What is to be said of a dump, once it has been taken. */
export function warningsOf(path: string, { copy, valid, table }: Dump): string[] {
  const warnings: string[] = [];
  if (!valid)
    warnings.push(
      isValid(copy)
        ? `${path}: both copies are whole and contradict each other: this is the ${copy.name} one`
        : `${path}: the ${copy.name} copy is not valid (${describeFaults(copy)}): this is what can be read of it`,
    );
  if (table.missing > 0)
    warnings.push(`${path}: ${table.missing} of ${copy.header.entry_count} entries could not be read`);
  if (table.changed)
    warnings.push(
      `${path}: the metadata changed while it was read: this dump is a mixture, take another one`,
    );
  return warnings;
}

/**
 * Writes a dump to a file; never over the device itself. One that is a mixture is taken again.
 *
 * @param contentOf the dump as it is to be written
 * @returns the bytes written, and the dump that was taken
 * @throws DmremapError as openDump and writeOutputFile; `busy` where the metadata never stood still
 */
export async function dumpToFile(
  path: string,
  name: CopyName | undefined,
  output: { readonly path: string; readonly overwrite: boolean },
  contentOf: (open: OpenDump) => AsyncIterable<string | Uint8Array>,
): Promise<{ readonly bytes: number; readonly dump: Dump }> {
  for (let attempt = 1; ; attempt++) {
    const open = await openDump(path, name);
    const { device, dump } = open;
    try {
      const bytes = await writeOutputFile(
        output.path,
        { overwrite: output.overwrite, never: [device] },
        async (sink) => {
          for await (const piece of contentOf(open)) await sink.write(piece);
          if (dump.table.changed) throw neverStill(device);
        },
      );
      return { bytes, dump };
    } catch (error) {
      if (!dump.table.changed || attempt === ATTEMPTS) throw error;
    } finally {
      await open.close();
    }
  }
}

/** How often a dump of metadata that changes is taken again before anything of it is given out. */
const ATTEMPTS = 6;

/**
 * Prepares the dump of the chosen copy, or of the one asked for. Where none is valid the more telling one is
 * taken: what can be read of it is worth having.
 *
 * @throws DmremapError `not-dmremap3` where nothing was ever a set, `unsupported`, `io` where the copy's header, or every header, cannot be read
 */
export async function prepareDump(device: BlockDevice, name?: CopyName): Promise<Dump> {
  for (let attempt = 1; ; attempt++) {
    const dump = await takeDump(device, name);
    if (!dump.table.changed || attempt === ATTEMPTS) return dump;
  }
}

async function takeDump(device: BlockDevice, name: CopyName | undefined): Promise<Dump> {
  const loaded = await loadCopies(device);
  const choice = chooseCopy(loaded);
  if (choice.chosen === undefined && !choice.evidence) {
    refuseUnreadable(device, loaded, choice);
    throw await notASpare(device);
  }
  await refuseUnknownSet(device, choice);
  const copy = name === undefined ? (choice.chosen ?? mostTelling(loaded)) : copyNamed(loaded, name);
  const table = new TableStream(device, loaded, copy);
  await table.begin();
  return {
    copy,
    valid:
      (name === undefined ? choice.chosen !== undefined : isValid(copy)) ||
      (await isAccepted(device, copy, choice)),
    reserved: reservedIn(copy.block),
    table,
  };
}

/** The kernel module reads it: by its own rules this copy is valid. */
async function isAccepted(device: BlockDevice, copy: Copy, choice: Choice): Promise<boolean> {
  if (choice.chosen !== undefined || copy.name !== 'primary') return false;
  const found = await moduleImageOn(device, { primary: copy, choice, mainSize: undefined, told: false });
  return found?.standing === 'accepted';
}

/** @param block a header */
export function reservedIn(block: Uint8Array): ReservedBytes[] {
  return nonZeroReserved(HEADER, block).map(({ field: { offset, size } }) => ({
    byte: offset,
    hex: toHex(block.subarray(offset, offset + size)).replace(/(00)+$/, ''),
  }));
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
