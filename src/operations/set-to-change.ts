import type { FileDevice } from '../device/file-device.js';
import { type Header, hasExtension, ZERO_UUID } from '../format/header.js';
import { type Corrected, correctFirst } from './correct-first.js';
import { diagnose } from './diagnose.js';
import { type MainChoice, type ResolvedMain, resolveMain } from './main-device.js';
import { openNamed, withDevice } from './open-device.js';

/** Spare and main of a set, both held exclusively. */
export interface SetToChange {
  readonly spare: FileDevice;
  readonly corrected: Corrected;
  readonly main: FileDevice;
  readonly found: ResolvedMain;
}

export interface SetChoice extends MainChoice {
  /** "MAJ:MIN" of the set's own mapping, which may lie over both devices. */
  readonly below?: string | undefined;
}

/**
 * Holds both devices of a set for the time of one piece of work.
 *
 * @param now Unix seconds
 * @throws DmremapError as correctFirst, resolveMain and openDevice
 */
export function withSet<Result>(
  path: string,
  choice: SetChoice,
  now: bigint,
  work: (set: SetToChange) => Promise<Result>,
): Promise<Result> {
  const opening = { mode: 'exclusive', below: choice.below } as const;
  return withDevice(path, opening, async (spare) => {
    const corrected = await correctFirst(spare, await diagnose(spare), now);
    const found = await resolveMain(spare, corrected.before.header, choice);
    const main = await openNamed(found.path, opening);
    try {
      return await work({ spare, corrected, main, found });
    } finally {
      await main.close();
    }
  });
}

/** What an undo file is found by. */
export function identityIn(header: Header) {
  const named = hasExtension(header) && header.spare_uuid !== ZERO_UUID;
  return {
    spareUuid: named ? header.spare_uuid : undefined,
    setUuid: named ? header.set_uuid : undefined,
    generation: header.generation,
  };
}
