import { MemoryDevice } from '../../src/device/memory-device.js';
import type { Phase } from '../../src/store/phase.js';
import { encodeDescription, type UndoDescription } from '../../src/undo/description.js';
import { encodeUndo, HEAD_SIZE, UNDO_STATE } from '../../src/undo/format.js';
import { openUndo, SavedUndo } from '../../src/undo/reader.js';
import type { SaveRequest } from '../../src/undo/writer.js';
import { bytes } from '../../src/units.js';
import { numbered } from '../device/scratch.js';

export const SECTOR = 512;

/** A device in memory whose every sector begins with its own number. */
export function numberedDevice(sectors: number): MemoryDevice {
  return new MemoryDevice(new Uint8Array(numbered(sectors * SECTOR)));
}

/** Phases from short writing: [first sector, sectors, filling byte] for each write. */
export function phasesOf(...phases: (readonly [sector: number, count: number, fill: number])[][]): Phase[] {
  return phases.map((writes, index) => ({
    purpose: `phase ${index}`,
    writes: writes.map(([sector, count, fill]) => ({
      at: bytes(sector * SECTOR),
      bytes: new Uint8Array(count * SECTOR).fill(fill),
    })),
  }));
}

export function descriptionFor(size: number): SaveRequest['description'] {
  return {
    command: 'repair',
    created: 1_696_195_200,
    spare: {
      name: '/dev/sdx',
      realPath: '/dev/sdx',
      stablePath: '/dev/disk/by-id/ata-Größe_1',
      id: 'serial:Größe_1',
      model: 'Größe',
      serial: '1',
      size: bytes(size),
      setUuid: '11111111-2222-4333-8444-555555555555',
      spareUuid: '99999999-8888-4777-8666-555555555555',
      newSpareUuid: undefined,
      generation: 7,
    },
    main: undefined,
  };
}

/** A whole small undo file: three blocks of 5 sectors in all. */
export function smallUndo(): { readonly file: Uint8Array; readonly description: UndoDescription } {
  const { spare, ...rest } = descriptionFor(1 << 20);
  const block = { phase: 0, crcBefore: 1, crcAfter: 0xffff_fffe, between: [], unreadable: [] };
  const unknown = { stablePath: undefined, id: undefined, model: undefined, serial: undefined };
  const description: UndoDescription = {
    ...rest,
    spare,
    main: { ...unknown, name: 'main.img', realPath: '/main.img', size: bytes(1 << 20) },
    blocks: [
      { ...block, device: 'spare', at: bytes(0), length: bytes(SECTOR), sectorsAfter: Uint32Array.of(5) },
      {
        ...block,
        device: 'spare',
        phase: 3,
        at: bytes(4096),
        length: bytes(3 * SECTOR),
        sectorsAfter: Uint32Array.of(1, 2, 0xdead_beef),
        between: [{ index: 2, crc: 9 }],
        unreadable: [{ at: bytes(4608), length: bytes(SECTOR) }],
      },
      { ...block, device: 'main', at: bytes(512), length: bytes(SECTOR), sectorsAfter: Uint32Array.of(0) },
    ],
  };
  return { file: encodeUndo(description, numbered(5 * SECTOR), UNDO_STATE.unfinished), description };
}

/** The bytes of a file in the order in which they are written: data and description, then the head. */
export function inWriteOrder(file: Uint8Array, written: number): Uint8Array {
  const behind = file.length - HEAD_SIZE;
  if (written <= behind) {
    const cut = new Uint8Array(file.subarray(0, HEAD_SIZE + written));
    return written === 0 ? new Uint8Array(0) : cut.fill(0, 0, HEAD_SIZE);
  }
  return new Uint8Array(file).fill(0, written - behind, HEAD_SIZE);
}

/** An undo file of this description as JSON, changed by `edit`, under right checksums. */
export function withJson(edit: (json: Record<string, unknown>) => void): Uint8Array {
  const { description } = smallUndo();
  const json = JSON.parse(new TextDecoder().decode(encodeDescription(description))) as Record<
    string,
    unknown
  >;
  edit(json);
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Opens an undo file that has to be whole. */
export async function opened(path: string): Promise<SavedUndo> {
  const undo = await openUndo(path);
  if (!(undo instanceof SavedUndo)) throw new Error(`${path} ${undo.message}`);
  return undo;
}
