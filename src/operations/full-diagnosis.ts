import { withRow } from '../check/checker.js';
import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import type { CutShort } from './cut-short.js';
import { type Diagnosis, diagnose, holderOf } from './diagnose.js';
import { withDevice } from './open-device.js';
import type { ProvenContent } from './proven.js';
import type { SurveyOptions } from './survey.js';
import type { UndoPlace } from './undo-files.js';

export interface FullOptions extends SurveyOptions {
  /** The time of a commit, in Unix seconds. */
  readonly now: bigint;
  /** Where undo files lie, the state directory unless told. */
  readonly undo?: UndoPlace | undefined;
}

/** What check knows of one spare: more than the rules alone, where no copy is valid. */
export interface FullDiagnosis extends Diagnosis {
  readonly cutShort?: CutShort | undefined;
  readonly proven?: ProvenContent | undefined;
}

/**
 * Where no copy is valid, an undo file may tell of a change that a power cut ended, and hold what it overwrote;
 * else what is left of the copies may prove what they held.
 */
export async function diagnoseFully(device: FileDevice, options: FullOptions): Promise<FullDiagnosis> {
  const diagnosis = await diagnose(device, options).catch((error) => diagnoseErased(device, options, error));
  if (diagnosis.survey.choice.chosen !== undefined) return diagnosis;
  const { findCutShort, isTakenBack } = await import('./cut-short.js');
  if (!isTakenBack(diagnosis)) return diagnosis;
  const cutShort = await findCutShort(device, diagnosis.survey, options.undo);
  if (cutShort !== undefined) {
    const finding = withRow({ id: 'change-cut-short', detail: cutShort.command, stored: cutShort.path });
    // what is wrong with metadata that is put back is of no interest
    const others = diagnosis.problems.filter(({ id }) => id !== 'no-valid-copy' && !id.startsWith('module-'));
    return { ...diagnosis, problems: [finding, ...others], cutShort };
  }
  if (diagnosis.survey.module !== undefined) return diagnosis;
  const { findProven } = await import('./proven.js');
  const { undoWitnesses } = await import('./witnesses.js');
  const witnesses = await undoWitnesses(device, diagnosis.survey.copies, options.undo);
  const proven = await findProven(device, diagnosis, witnesses, options);
  return proven === undefined ? diagnosis : { ...diagnosis, problems: proven.problems, proven };
}

/** The same of a spare by its name, without a lock; a grown device is not read to its end. */
export function diagnoseAsCheck(path: string, now: bigint): Promise<FullDiagnosis> {
  return withDevice(path, 'read', (device) =>
    diagnoseFully(device, { now, holder: holderOf(device), skipBeyond: true }),
  );
}

/** A change that erases headers first, cut short there, has left nothing but its undo file. */
async function diagnoseErased(device: FileDevice, options: FullOptions, error: unknown): Promise<Diagnosis> {
  if (!(error instanceof DmremapError) || error.code !== 'not-dmremap3') throw error;
  const [{ findCutShort }, { surveySpare }] = await Promise.all([
    import('./cut-short.js'),
    import('./survey.js'),
  ]);
  const survey = await surveySpare(device, options);
  if ((await findCutShort(device, survey, options.undo)) === undefined) throw error;
  return { survey, problems: [] };
}
