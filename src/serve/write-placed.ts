import { isMediumError } from '../device/errnos.js';
import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import type { SpareMedium } from './spare-medium.js';
import type { SpareTable } from './spare-table.js';

/** Places on the spare that are tried for a sector before its write fails. */
export const PLACES = 3;

export interface Spare {
  readonly medium: SpareMedium;
  readonly table: SpareTable;
  /** Entries can be changed: where they cannot, a new place could not be committed. */
  readonly mayRelocate: () => boolean;
  /** Told of each sector of main that has got another place. */
  readonly relocated: (main: Sectors) => void;
}

/**
 * Writes whole sectors that lie side by side on the spare and hold those of main from `main` on, whose sectors
 * the caller holds. A sector that does not take its data gets another place, which the next commit makes known;
 * until then a power cut leads back to the old one.
 *
 * @throws DeviceError of a sector that none of several places takes
 */
export async function writePlaced(spare: Spare, at: Bytes, from: Uint8Array, main: Sectors): Promise<void> {
  try {
    await spare.medium.write(at, from, main);
  } catch (error) {
    if (!(error instanceof DeviceError) || !isMediumError(error.errno) || !spare.mayRelocate()) throw error;
    if (from.length === SECTOR_SIZE) return relocate(spare, bytesToSectors(at), from, main, error);
    for (let done = 0; done < from.length; done += SECTOR_SIZE) {
      const sector = sectors(main + done / SECTOR_SIZE);
      await writePlaced(spare, bytes(at + done), from.subarray(done, done + SECTOR_SIZE), sector);
    }
  }
}

async function relocate(
  { medium, table, relocated }: Spare,
  old: Sectors,
  data: Uint8Array,
  main: Sectors,
  error: DeviceError,
): Promise<void> {
  const work = async (): Promise<void> => {
    const failed: Sectors[] = [];
    for (let attempt = 0; attempt < PLACES; attempt++) {
      const place = table.takePlace();
      if (place === undefined) break;
      if (await isTaken(medium, place, data, main)) {
        table.relocate(main, place);
        medium.forget(old, 1);
        relocated(main);
        return;
      }
      failed.push(place);
    }
    // where it takes nothing at all it is not the place that fails: a spare that is away comes back
    table.giveBack(failed);
    throw error;
  };
  // nobody who copies the set may take what lies in the old place for its data
  const { follower } = medium;
  return follower === undefined ? work() : follower.alone(old, 1, work);
}

async function isTaken(
  medium: SpareMedium,
  place: Sectors,
  data: Uint8Array,
  main: Sectors,
): Promise<boolean> {
  try {
    await medium.write(bytes(place * SECTOR_SIZE), data, main);
    return true;
  } catch (error) {
    medium.forget(place, 1);
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
