import { DmremapError } from '../errors.js';
import type { BootFile, Target } from '../exchange/boot/boot-file.js';
import { type BootFormat, bootFiles } from '../exchange/boot/boot-files.js';
import { hasExtension, ZERO_UUID } from '../format/header.js';
import { mappedName } from './mapped-name.js';
import { diagnoseSpare, legible, refusePassive, refuseUnknown } from './spare.js';

export { TARGETS } from '../exchange/boot/boot-file.js';
export { BOOT_FORMATS } from '../exchange/boot/boot-files.js';

/**
 * The boot files of a spare's set (dmremap unit). Undefined where no copy of the metadata is valid (exit 4).
 *
 * @throws DmremapError `retired`, `incomplete`; `unsupported` for what is not known, and for a set that cannot be
 * found by its identity
 */
export async function makeBootFiles(
  path: string,
  target: Target,
  format: BootFormat,
): Promise<readonly BootFile[] | undefined> {
  const diagnosis = await diagnoseSpare(path);
  refuseUnknown(path, diagnosis.problems);
  const spare = legible(diagnosis);
  if (spare === undefined) return undefined;
  refusePassive(path, spare);
  const { header } = spare.chosen;
  if (!hasExtension(header) || header.set_uuid === ZERO_UUID)
    throw new DmremapError('unsupported', `${path} has no identity by which it could be found at boot`, {
      hint: `first: dmremap convert --layout redundant ${path}`,
    });
  if (header.main_id === '')
    throw new DmremapError(
      'unsupported',
      `${path} records no identity of its main, which could not be found at boot`,
      { hint: 'rebind records it, where main is a disk or partition that has one' },
    );
  return bootFiles({ setUuid: header.set_uuid, name: mappedName(header) }, target, format);
}
