import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError } from '../../errors.js';
import { loadChoice } from '../../store/load-choice.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../../units.js';

/**
 * A main that holds in every remapped sector what the spare has for it, and zeros elsewhere: with it `undo` may
 * add, drop and point elsewhere every entry. Only read.
 */
export class MirroredMain implements BlockDevice {
  readonly name = 'main';
  readonly logicalBlockSize = SECTOR_SIZE;
  readonly physicalBlockSize = SECTOR_SIZE;
  readonly writable = false;
  readonly size: Bytes;
  readonly #sectors: ReadonlyMap<number, Uint8Array>;

  private constructor(size: Bytes, sectors: ReadonlyMap<number, Uint8Array>) {
    this.size = size;
    this.#sectors = sectors;
  }

  /** Undefined where no copy counts on the spare. */
  static async of(spare: BlockDevice): Promise<MirroredMain | undefined> {
    const { choice, table } = await loadChoice(spare);
    if (choice.chosen === undefined || table === undefined) return undefined;
    const sectors = new Map<number, Uint8Array>();
    for (const slot of table.live()) {
      const data = new Uint8Array(SECTOR_SIZE);
      await spare.read(bytes(table.spareSector(slot) * SECTOR_SIZE), data);
      sectors.set(table.mainSector(slot), data);
    }
    return new MirroredMain(bytes(Number(choice.chosen.header.main_device_size) * SECTOR_SIZE), sectors);
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; done += SECTOR_SIZE) {
      const sector = into.subarray(done, done + SECTOR_SIZE);
      sector.fill(0);
      sector.set(this.#sectors.get((at + done) / SECTOR_SIZE) ?? []);
    }
  }

  async write(at: Bytes): Promise<void> {
    throw new DeviceError(this.name, 'write', 'EROFS', bytesToSectors(at));
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
