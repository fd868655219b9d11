import { DmremapError } from '../errors.js';
import { isRedundant, ZERO_UUID } from '../format/header.js';
import { erase } from '../store/create.js';
import { type ChangeOptions, type ChangeResult, change, describeDevice } from './change.js';
import { attachedMains } from './main-device.js';
import { describeOccupant, findOccupant, refuseLiveEntries } from './occupant.js';
import { withDevice } from './open-device.js';

export interface WipeOptions extends ChangeOptions {
  readonly discardRemaps: number | undefined;
}

/**
 * Removes the metadata (dmremap wipe): every header that could be found is erased; data sectors and what
 * else lives on the device stay as they are.
 *
 * @throws DmremapError `not-dmremap3`, `wrong-device` (live remaps), `busy`, …
 */
export function wipeSpare(path: string, options: WipeOptions): Promise<ChangeResult> {
  return withDevice(path, 'exclusive', async (device) => {
    const occupant = await findOccupant(device);
    if (occupant.headers.length === 0)
      throw new DmremapError('not-dmremap3', `${path} is not a DMREMAP3 spare: there is nothing to wipe`);
    refuseLiveEntries(path, occupant, options.discardRemaps);
    const { header } = occupant;
    const undo = { ...options.undo, avoid: header === undefined ? [] : await attachedMains(header) };
    const plan = {
      command: 'wipe',
      device: await describeDevice(device),
      before: describeOccupant({ ...occupant, foreign: [] }),
      after: 'no metadata; the data sectors stay as they are',
      phases: erase(occupant.headerErasures, device.logicalBlockSize),
      warnings: [],
      destroys: true,
      singleCopy: header === undefined || !isRedundant(header),
    };
    const named = {
      spareUuid: header === undefined || header.spare_uuid === ZERO_UUID ? undefined : header.spare_uuid,
      setUuid: header?.set_uuid,
      generation: header?.generation ?? 0,
    };
    return change(device, plan, named, { ...options, undo }, async () => {
      if ((await findOccupant(device)).headers.length > 0)
        throw new DmremapError('io', `${path}: a header is still there after it was erased`);
    });
  });
}
