import type { FileDevice } from '../../device/file-device.js';
import { type Identity, identify } from '../../device/identity.js';
import { writeOutputFile } from '../../device/output-file.js';
import { statOf } from '../../device/sysfs.js';
import type { RemapTable } from '../../format/entry.js';
import { encodeHeader, hasExtension } from '../../format/header.js';
import { type Content, contentOf, placeOf, sealedBlock } from '../../store/content.js';
import { numberedPath, UNDO_SUFFIX } from '../../undo/files.js';
import { undoFileName } from '../../undo/identity.js';
import { findPlace } from '../../undo/place.js';
import { type DumpSource, reservedIn } from '../dump.js';
import { spareIdentity, type UndoPlace } from '../undo-files.js';

/** Makes a json dump, piece by piece. */
export type WriteDump = (dump: DumpSource) => AsyncIterable<string | Uint8Array>;

/** Entries that a repair drops, with the header that it leaves. */
export interface Dropped {
  readonly block: Uint8Array;
  readonly entries: RemapTable;
}

/**
 * Saves what a repair drops before anything is overwritten. Returns the file's path.
 *
 * @param generation of the spare before the repair, for the file's name
 * @param place where the undo file goes
 */
export type SaveDropped = (
  device: FileDevice,
  dropped: Dropped,
  generation: number,
  place: UndoPlace,
) => Promise<string>;

/**
 * Writes dropped entries to a file in dump format, beside where the undo file goes (format.md section 6). It
 * throws DmremapError `undo-unavailable`, and as writeOutputFile.
 */
export function droppedTo(writeDump: WriteDump): SaveDropped {
  return async (device, dropped, generation, place) => {
    const identity = await identify(device);
    const { entries } = dropped;
    const content = contentOf(encodeHeader({ entry_count: entries.count }, dropped.block), entries);
    const path = await freePath(device, identity, content, generation, place);
    const pieces = writeDump({ device, identity, dump: dumpOf(content) });
    await writeOutputFile(path, { never: [device] }, async (sink) => {
      for await (const piece of pieces) await sink.write(piece);
    });
    return path;
  };
}

async function freePath(
  device: FileDevice,
  identity: Identity,
  { header }: Content,
  generation: number,
  place: UndoPlace,
): Promise<string> {
  const spare = spareIdentity(device, identity, hasExtension(header) ? header.spare_uuid : undefined);
  const { path } = await findPlace(place, undoFileName(spare, generation, 'repair'), device);
  for (let attempt = 1; ; attempt++) {
    const name = `${withoutSuffix(numberedPath(path, attempt))}.dropped.json`;
    if (statOf(name) === undefined) return name;
  }
}

function withoutSuffix(path: string): string {
  return path.endsWith(UNDO_SUFFIX) ? path.slice(0, -UNDO_SUFFIX.length) : path;
}

/** Not valid: nobody is to take these entries for the whole table. */
function dumpOf(content: Content): DumpSource['dump'] {
  const block = sealedBlock(content, 'primary');
  const { headerAt, tableAt } = placeOf(content.header, 'primary');
  return {
    copy: { name: 'primary', header: contentOf(block, content.table).header, block, headerAt },
    valid: false,
    reserved: reservedIn(block),
    table: {
      missing: 0,
      changed: false,
      async *parts() {
        yield { at: tableAt, entries: content.table };
      },
    },
  };
}
