import type { BlockDevice } from '../../device/block-device.js';
import { DmremapError } from '../../errors.js';
import type { Header } from '../../format/header.js';
import { examine, settle } from '../check.js';
import type { CheckReport } from '../check-report.js';
import { diagnose, problemsOf } from '../diagnose.js';
import { readable, refusePassive, refuseUnknown } from '../spare.js';

/**
 * Recovers the metadata of a spare as on any activation: what `check -p` corrects is corrected.
 *
 * @param now Unix seconds
 */
export async function recoverSpare(path: string, now: bigint): Promise<CheckReport> {
  const options = { mode: 'preen', now } as const;
  return settle(await examine(path, options), options);
}

/**
 * The header by which an open spare is served.
 *
 * @throws DmremapError `unsupported`, `retired`, `incomplete`, and `changed-since` where anything waits
 */
export async function diagnoseForServing(path: string, device: BlockDevice): Promise<Header> {
  const found = await diagnose(device, { skipBeyond: true });
  refuseUnknown(path, found.problems);
  const spare = readable(found);
  if (spare !== undefined) refusePassive(path, spare);
  const [waiting] = problemsOf(found);
  if (spare !== undefined && waiting === undefined) return spare.chosen.header;
  const what = waiting === undefined ? 'no copy of its metadata counts' : waiting.row.title.toLowerCase();
  throw new DmremapError('changed-since', `${path} is not served: ${what}`, {
    hint: `next: dmremap check ${path}`,
  });
}
