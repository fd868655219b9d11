import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError } from '../../errors.js';
import { loadChoice } from '../../store/load-choice.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../../units.js';

/** A main whose every sector says its number: no two hold the same. Only read; what is written lies above it. */
export class NumberedMain implements BlockDevice {
  readonly name = 'main';
  readonly logicalBlockSize = SECTOR_SIZE;
  readonly physicalBlockSize = SECTOR_SIZE;
  readonly writable = false;
  readonly size: Bytes;

  constructor(size: Bytes) {
    this.size = size;
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
    into.fill(0);
    for (let done = 0; done < into.length; done += SECTOR_SIZE)
      view.setBigUint64(done, BigInt(bytesToSectors(at + done) + 1), true);
  }

  async write(at: Bytes): Promise<void> {
    throw new DeviceError(this.name, 'write', 'EROFS', bytesToSectors(at));
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

/** What sectors of the remapped device show. */
export type Shown = ReadonlyMap<number, Uint8Array>;

/** What the remapped sectors show, and those beside each. Undefined where no copy counts. */
export async function shownAround(spare: BlockDevice, main: BlockDevice): Promise<Shown | undefined> {
  const { table } = await loadChoice(spare);
  if (table === undefined) return undefined;
  const sectors = Array.from(table.live(), (slot) => table.mainSector(slot));
  return shown(
    spare,
    main,
    new Set(sectors.flatMap((sector) => [Math.max(0, sector - 1), sector, sector + 1])),
  );
}

/** A sector that shows something else than it did; undefined where none does, or where no copy counts. */
export async function firstChanged(
  spare: BlockDevice,
  main: BlockDevice,
  before: Shown,
): Promise<number | undefined> {
  const now = await shown(spare, main, before.keys());
  for (const [sector, data] of now ?? [])
    if (Buffer.compare(data, before.get(sector) ?? data) !== 0) return sector;
  return undefined;
}

async function shown(
  spare: BlockDevice,
  main: BlockDevice,
  wanted: Iterable<number>,
): Promise<Shown | undefined> {
  const { table } = await loadChoice(spare);
  if (table === undefined) return undefined;
  const places = new Map(
    Array.from(table.live(), (slot) => [table.mainSector(slot), table.spareSector(slot)]),
  );
  const found = new Map<number, Uint8Array>();
  for (const sector of wanted) {
    const data = new Uint8Array(SECTOR_SIZE);
    const place = places.get(sector);
    if (place !== undefined) await spare.read(bytes(place * SECTOR_SIZE), data);
    else if (sector * SECTOR_SIZE < main.size) await main.read(bytes(sector * SECTOR_SIZE), data);
    found.set(sector, data);
  }
  return found;
}
