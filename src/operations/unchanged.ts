import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import type { Side } from '../undo/description.js';
import type { SavedUndo } from '../undo/reader.js';
import { type Comparison, compareWithUndo } from '../undo/verify.js';

/**
 * What a device holds of what an undo file saved: as before its change, as after it, or some of each.
 *
 * @throws DmremapError `changed-since` where it holds something else by now
 */
export async function unchanged(undo: SavedUndo, side: Side, device: FileDevice): Promise<Comparison> {
  const compared = await compareWithUndo(undo, side, device);
  const { standing, changed, firstChanged } = compared;
  if (standing === 'changed')
    throw new DmremapError(
      'changed-since',
      `${device.path} has changed since: ${changed} sectors hold something else, the first at byte ${firstChanged}`,
      { hint: 'changes are undone one by one, the newest first: dmremap undo --list shows them' },
    );
  return compared;
}
