import type { Dice } from '../../src/device/crash/dice.js';
import type { Recording } from '../../src/device/crash/recording.js';
import type { ErrorDevice } from '../../src/device/filters/error-device.js';
import { DmremapError } from '../../src/errors.js';
import type { RemapSet } from '../../src/serve/remap-set.js';
import { RequestFailed } from '../../src/serve/served-device.js';
import { bytes, sectors } from '../../src/units.js';
import { SECTOR } from './stand.js';

/** A small disk whose sectors tell which write they hold, and who remembers what was flushed. */

export const SECTORS = 24;

/** A sector's value at its beginning: which sector it is, and which write. */
export function stamp(sector: number, write: number): Uint8Array {
  const data = new Uint8Array(SECTOR);
  new DataView(data.buffer).setUint32(0, sector);
  new DataView(data.buffer).setUint32(4, write);
  return data;
}

export class Witness {
  /** The last write of each sector that was begun, and at each answered flush the last that it covers. */
  readonly begun = new Map<number, number>();
  readonly answered = new Map<number, number>();
  readonly flushed: ReadonlyMap<number, number>[] = [new Map()];
  writes = 0;

  /** What is wrong with a sector that holds this after so many answered flushes; undefined where nothing is. */
  judge(sector: number, data: Uint8Array, flushes: number): string | undefined {
    const view = new DataView(data.buffer, data.byteOffset);
    const [owner, write] = [view.getUint32(0), view.getUint32(4)];
    if (owner !== sector) return `sector ${sector} holds data of sector ${owner}`;
    const least = this.flushed[flushes]?.get(sector) ?? 0;
    if (write < least) return `sector ${sector} holds write ${write}, but write ${least} was flushed`;
    return undefined;
  }
}

/** A sector that lives on the spare goes back to main, which is well again. */
export async function putBack(set: RemapSet, main: ErrorDevice, dice: Dice): Promise<void> {
  const moved = Array.from({ length: SECTORS }, (_, sector) => sectors(sector)).filter(
    (sector) => set.lookup(sector).spare !== undefined,
  );
  const sector = moved[dice.below(moved.length)];
  if (sector === undefined) return;
  main.clearFaults();
  await forgiving(set.unremap(sector));
  main.addFault({ sector: dice.below(SECTORS), on: 'write' });
}

export async function write(set: RemapSet, witness: Witness, dice: Dice): Promise<void> {
  const first = dice.below(SECTORS);
  const count = 1 + dice.below(Math.min(4, SECTORS - first));
  const number = ++witness.writes;
  const data = Buffer.concat(Array.from({ length: count }, (_, index) => stamp(first + index, number)));
  for (let sector = first; sector < first + count; sector++) witness.begun.set(sector, number);
  if (!(await forgiving(set.device.write(bytes(first * SECTOR), data, false)))) return;
  for (let sector = first; sector < first + count; sector++)
    witness.answered.set(sector, Math.max(number, witness.answered.get(sector) ?? 0));
}

export async function flush(set: RemapSet, witness: Witness, recording: Recording): Promise<void> {
  const covered = new Map(witness.answered);
  if (!(await forgiving(set.device.flush()))) return;
  witness.flushed.push(covered);
  recording.answer();
}

/** False where it failed, as it may. */
export async function forgiving(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof RequestFailed || error instanceof DmremapError) return false;
    throw error;
  }
}
