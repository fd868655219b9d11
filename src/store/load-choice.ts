import type { BlockDevice } from '../device/block-device.js';
import type { RemapTable } from '../format/entry.js';
import { type Choice, chooseCopy } from './choose.js';
import { type LoadedCopies, loadCopies, neverStill, readTable, standsStill } from './load.js';
import type { ReadProgress } from './sum-tables.js';

export interface LoadedChoice {
  readonly copies: LoadedCopies;
  readonly choice: Choice;
  /** The live entries of the chosen copy. */
  readonly table: RemapTable | undefined;
}

/** How often metadata that was committed to between its sum and its table is loaded again. */
const ATTEMPTS = 6;

/**
 * All copies, the chosen one and its entries, as they were at one moment: a commit reaches the header of a
 * copy before it touches the table of the next, so that headers which stand still vouch for what was read
 * between.
 *
 * @throws DmremapError as loadCopies; DeviceError where the table cannot be read
 */
export async function loadChoice(device: BlockDevice, progress?: ReadProgress): Promise<LoadedChoice> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const copies = await loadCopies(device, progress);
    const choice = chooseCopy(copies);
    if (choice.chosen === undefined) return { copies, choice, table: undefined };
    const table = await readTable(device, choice.chosen);
    // a bad header would only fail again, slowly
    const readable = [copies.primary, ...copies.backups].filter(({ unreadable }) => unreadable.length === 0);
    if (await standsStill(device, readable)) return { copies, choice, table };
  }
  throw neverStill(device);
}
