import { judge } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { BlockDevice } from '../device/block-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { DmremapError } from '../errors.js';
import { planCorrections } from '../repair/corrections.js';
import { type Content, contentOf } from '../store/content.js';
import { carryOut, type Phase } from '../store/phase.js';
import type { Diagnosis } from './diagnose.js';
import { refuseModule } from './module-take-over.js';
import { readable, refusePassive, refuseUnknown } from './spare.js';
import { surveySpare } from './survey.js';

/** A set that is about to be changed. */
export interface Corrected {
  /** As it was found. */
  readonly found: Content;
  /** What all copies hold once the corrections are made. */
  readonly before: Content;
  readonly corrections: readonly Phase[];
  /** They overwrite the only copy. */
  readonly needsUndo: boolean;
}

/**
 * What has to be so before a change: all that is corrected unattended is corrected first; where anything else is
 * wrong it waits. Reads only.
 *
 * @param now Unix seconds
 * @param isSettled problems that the change itself settles
 * @throws DmremapError `changed-since` where something waits for the operator, `retired`, `incomplete`, `unsupported`
 */
export async function correctFirst(
  device: BlockDevice,
  diagnosis: Diagnosis,
  now: bigint,
  isSettled: (problem: Problem) => boolean = () => false,
): Promise<Corrected> {
  const { survey, problems } = diagnosis;
  refuseUnknown(device.name, problems);
  const spare = readable(diagnosis);
  if (survey.module !== undefined) throw refuseModule(device, diagnosis, survey.module);
  if (spare === undefined) throw waits(device, problems);
  refusePassive(device.name, spare);
  const judged = problems.filter((problem) => !isSettled(problem));
  const { correctable, remaining } = judge(judged, 'preen');
  if (remaining.length > 0 && correctable.length === 0) throw waits(device, remaining);
  const found = contentOf(spare.chosen.block, spare.table);
  if (correctable.length === 0) return { found, before: found, corrections: [], needsUndo: false };
  const { logicalBlockSize } = device;
  const { phases, needsUndo } = planCorrections({ survey, problems: correctable, now, logicalBlockSize });
  const after = new OverlayDevice(device);
  await carryOut(after, phases);
  const { choice, table } = await surveySpare(after);
  if (choice.chosen === undefined || table === undefined) throw waits(device, problems);
  return { found, before: contentOf(choice.chosen.block, table), corrections: phases, needsUndo };
}

function waits(device: BlockDevice, problems: readonly Problem[]): DmremapError {
  const [first] = problems.filter(({ row }) => row.severity !== 'note');
  const what = first === undefined ? 'no copy of its metadata counts' : first.row.title.toLowerCase();
  return new DmremapError('changed-since', `${device.name}: ${what}; that has to be settled first`, {
    hint: `look at it: dmremap check ${device.name}`,
    data: first === undefined ? {} : { problem: first.id },
  });
}
