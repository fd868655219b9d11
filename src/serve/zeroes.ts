import { zeroFast } from '../device/zeroing.js';
import { DeviceError } from '../errors.js';
import { type Run, route } from '../remap/route.js';
import { type Bytes, bytes } from '../units.js';
import type { SectorIo } from './sector-io.js';

/** Zeros are sent in pieces of so many bytes. */
const PIECE = 1 << 20;

const ZEROS = new Uint8Array(PIECE);

interface ZeroWay {
  /** Their space may be given back. */
  readonly mayPunch: boolean;
  /** Where main cannot make them zero faster than by writing, nothing changes. */
  readonly mustBeFast: boolean;
}

/**
 * Makes whole sectors read as zero; the caller holds them alone. On the spare zeros are always written: its
 * runs are short.
 *
 * @returns false where that must be fast and is not
 * @throws as SectorIo.write()
 */
export async function zeroHeld(io: SectorIo, at: Bytes, length: number, way: ZeroWay): Promise<boolean> {
  const runs = route(io.side.entries, at, length);
  const onMain = runs.filter(({ on }) => on === 'main');
  const { mayPunch, mustBeFast } = way;
  if (mustBeFast && onMain.some((run) => io.isDoubtful(run.at, run.length))) return false;
  let hasBegun = false;
  for (const run of [...onMain, ...runs.filter(({ on }) => on === 'spare')]) {
    const isZero = run.on === 'main' && (await zeroMain(io, run, mayPunch));
    if (!isZero && run.on === 'main' && mustBeFast && !hasBegun) return false;
    // from here on something has changed: it is brought to its end
    hasBegun = true;
    for (let done = 0; !isZero && done < run.length; done += PIECE)
      await io.write(bytes(at + run.from + done), ZEROS.subarray(0, Math.min(PIECE, run.length - done)));
  }
  return true;
}

/** The same for a run on main alone; false where it cannot be made zero faster than by writing. */
export async function zeroMain(io: SectorIo, run: Run, mayPunch: boolean): Promise<boolean> {
  // what main could not read is for the spare
  if (io.isDoubtful(run.at, run.length)) return false;
  const { main } = io;
  const { moment } = main.log;
  try {
    if (!(await zeroFast(main.device, run.at, run.length, mayPunch))) return false;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
  main.wrote(run.at, run.at + run.length, moment);
  return true;
}
