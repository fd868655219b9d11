import type { BlockDevice } from '../../device/block-device.js';
import { DmremapError } from '../../errors.js';
import { type Header, ROLE } from '../../format/header.js';
import { resolveDevice } from '../../machine/tags.js';
import { examine, settle } from '../check.js';
import { checkSpares } from '../check-many.js';
import type { CheckReport } from '../check-report.js';
import { type Diagnosis, diagnose, problemsOf } from '../diagnose.js';
import { lastingName } from '../lasting-name.js';
import { withDevice } from '../open-device.js';
import { readable, refusePassive, refuseUnknown } from '../spare.js';
import { type InMemoryOptions, recoverInMemory } from './in-memory.js';

/**
 * Recovers the metadata of a spare as on any activation: what `check -p` corrects is corrected, and a migration to
 * it that was cut short behind its commit point is ended, where its source is a block device of this machine.
 *
 * @param now Unix seconds
 * @throws DmremapError `unsupported`, `retired`, `incomplete`
 */
export async function recoverSpare(path: string, now: bigint): Promise<CheckReport> {
  const options = { mode: 'preen', now } as const;
  const found = await examine(path, options);
  const examined = (await endSwitch(path, found.found, now)) ? await examine(path, options) : found;
  refuseForServing(path, examined.found);
  return settle(examined, options);
}

/** Step 5 of format.md section 8 for a complete target; whether it was tried. */
async function endSwitch(path: string, { survey }: Diagnosis, now: bigint): Promise<boolean> {
  const header = survey.choice.chosen?.header;
  const isComplete = header?.role === ROLE.target && header.migration_cursor === BigInt(header.entry_count);
  if (!isComplete) return false;
  try {
    const source = await resolveDevice(`SPARE=${header.peer_uuid}`);
    await checkSpares([source, path], { mode: 'preen', now });
    return true;
  } catch (error) {
    if (error instanceof DmremapError) return false;
    throw error;
  }
}

function refuseForServing(path: string, found: Diagnosis): void {
  refuseUnknown(path, found.problems);
  const spare = readable(found);
  if (spare !== undefined) refusePassive(path, spare);
}

/**
 * What remains after the same in memory, and after a repair plan. Writes nothing.
 *
 * @throws DmremapError `unsupported`, `retired`, `incomplete`, and as recoverInMemory
 */
export function foreseeRecovery(path: string, options: InMemoryOptions): Promise<CheckReport> {
  return withDevice(path, 'read', async (device) => {
    const memory = await recoverInMemory(device, options);
    const found = await diagnose(memory.device, { skipBeyond: true });
    refuseForServing(path, found);
    const { chosen } = found.survey.choice;
    const examined = {
      device: path,
      key: device.key,
      lastingName: lastingName(path, device, chosen?.header),
      found,
      warnings: [],
    };
    return settle(examined, { mode: 'read', now: options.now() });
  });
}

/**
 * The header by which an open spare is served.
 *
 * @throws DmremapError `unsupported`, `retired`, `incomplete`, and `changed-since` where anything waits
 */
export async function diagnoseForServing(path: string, device: BlockDevice): Promise<Header> {
  const found = await diagnose(device, { skipBeyond: true });
  refuseForServing(path, found);
  const spare = readable(found);
  if (found.survey.module !== undefined) throw onlyRead(path);
  const [waiting] = problemsOf(found);
  if (spare !== undefined && waiting === undefined) return spare.chosen.header;
  const what = waiting === undefined ? 'no copy of its metadata counts' : waiting.row.title.toLowerCase();
  throw new DmremapError('changed-since', `${path} is not served: ${what}`, {
    hint: `next: dmremap check ${path}`,
  });
}

/** Only as a set of ours it could take new remaps. */
function onlyRead(path: string): DmremapError {
  return new DmremapError(
    'changed-since',
    `${path} is a spare of the kernel module: it is served with --read-only`,
    {
      hint: `to write to it: dmremap convert --layout redundant ${path}`,
    },
  );
}
