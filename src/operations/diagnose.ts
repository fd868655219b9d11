import { check } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { liveHolder } from '../device/holders.js';
import { DmremapError } from '../errors.js';
import { bareModuleEvidence } from './module-evidence.js';
import { type Surveyed, type SurveyOptions, surveySpare } from './survey.js';

export interface Diagnosis {
  readonly survey: Surveyed;
  readonly problems: readonly Problem[];
}

/**
 * Surveys a spare and judges it. Reads only.
 *
 * @throws DmremapError `not-dmremap3` where nothing was ever a set; `too-small`, `io`, `busy` as loadCopies
 */
export async function diagnose(device: BlockDevice, options: SurveyOptions = {}): Promise<Diagnosis> {
  const survey = await surveySpare(device, options);
  const { chosen, evidence } = survey.choice;
  if (chosen === undefined && !evidence && survey.module === undefined) throw await notASpare(device);
  return { survey, problems: check(survey) };
}

/** Nothing was ever a set here; what the kernel module leaves without a magic is pointed out. */
export async function notASpare(device: BlockDevice): Promise<DmremapError> {
  const bare = await bareModuleEvidence(device);
  return new DmremapError('not-dmremap3', `${device.name} is not a DMREMAP3 spare: no header at either end`, {
    hint:
      bare === undefined
        ? 'to find the spares of this machine: dmremap scan'
        : `if the dm-remap v3 kernel module wrote it: dmremap info --module ${device.name}`,
  });
}

/** The holder of a device that is only read. Our own exclusive hold is not asked about. */
export function holderOf(device: FileDevice): () => Promise<string | undefined> {
  return async () => (device.writable ? undefined : (await liveHolder(device))?.name);
}

/** What counts in the exit code. */
export function problemsOf({ problems }: Diagnosis): readonly Problem[] {
  return problems.filter(({ row }) => row.severity === 'problem');
}
