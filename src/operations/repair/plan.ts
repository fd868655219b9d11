import type { ProblemId } from '../../check/catalogue/index.js';
import type { FileDevice } from '../../device/file-device.js';
import { writeOutputFile } from '../../device/output-file.js';
import { DmremapError } from '../../errors.js';
import { type PlanDocument, planText } from '../../exchange/plan-document.js';
import { type Header, hasExtension, isRedundant, ZERO_UUID } from '../../format/header.js';
import type { Start } from '../../repair/starts.js';
import { type Diagnosis, problemsOf } from '../diagnose.js';
import type { Draft } from './draft.js';
import { fingerprint, rangesOf } from './fingerprint.js';

/** A draft bound to what it was made from: all copies of the metadata, and whatever it overwrites. */
export async function planOf(
  device: FileDevice,
  found: Diagnosis,
  start: Start,
  draft: Draft,
): Promise<PlanDocument> {
  const { chosen } = found.survey.choice;
  const { phases, result, dropped } = draft;
  const ranges = rangesOf(device, found.survey.copies, phases);
  const { header, block } = result;
  return {
    size: device.size,
    saw: { sha256: await fingerprint(device, ranges), ranges },
    phases,
    before: chosen === undefined ? 'metadata of which no copy counts' : phrase(chosen.header),
    after: phrase(header),
    generation: chosen?.header.generation ?? 0,
    setUuid: known(header, 'set_uuid'),
    spareUuid: known(header, 'spare_uuid'),
    singleCopy: start.certainty !== 'certain' || !isRedundant(header),
    corrects: correctedBy(found, draft),
    header: block,
    dropped: dropped.bytes,
  };
}

/**
 * What is wrong now, or shows once the first is corrected, and will not be wrong then. Copies that the repair
 * itself has put out of the way are no problem that anybody had.
 */
function correctedBy(found: Diagnosis, { corrected, remaining }: Draft): ProblemId[] {
  const left = new Set(remaining.map(({ id }) => id));
  const shown =
    found.survey.choice.chosen === undefined ? corrected.filter(({ copy }) => copy === undefined) : corrected;
  const gone = [...problemsOf(found), ...shown].map(({ id }) => id).filter((id) => !left.has(id));
  return [...new Set(gone)];
}

function phrase(header: Header): string {
  const layout = isRedundant(header) ? 'redundant' : 'plain';
  return `a ${layout} set, ${header.entry_count} of ${header.max_entries} remaps, generation ${header.generation}`;
}

function known(header: Header, field: 'set_uuid' | 'spare_uuid'): string | undefined {
  return hasExtension(header) && header[field] !== ZERO_UUID ? header[field] : undefined;
}

/** Writes a plan to a file. Throws as writeOutputFile. */
export async function savePlan(
  device: FileDevice,
  plan: PlanDocument,
  { path, overwrite }: { readonly path: string; readonly overwrite: boolean },
): Promise<void> {
  await writeOutputFile(path, { overwrite, never: [device] }, (sink) => sink.write(planText(plan)));
}

/**
 * Whether a device still holds what a plan saw.
 *
 * @throws DmremapError `changed-since`, `wrong-device` where it has another size
 */
export async function refuseChanged(device: FileDevice, { size, saw }: PlanDocument): Promise<void> {
  if (device.size !== size)
    throw new DmremapError(
      'wrong-device',
      `the plan was made for a device of ${size} bytes, ${device.path} has ${device.size}`,
    );
  if ((await fingerprint(device, saw.ranges)) === saw.sha256) return;
  throw new DmremapError('changed-since', `${device.path} no longer holds what the plan was made for`, {
    hint: `make a new plan: dmremap repair ${device.path} --plan FILE`,
  });
}
