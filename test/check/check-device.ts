import { judge, type Mode } from '../../src/check/checker.js';
import type { Problem } from '../../src/check/finding.js';
import type { BlockDevice } from '../../src/device/block-device.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { DmremapError, type ErrorCode } from '../../src/errors.js';
import { type Diagnosis, diagnose } from '../../src/operations/diagnose.js';
import type { SurveyOptions } from '../../src/operations/survey.js';
import { type CorrectionPlan, planCorrections } from '../../src/repair/corrections.js';
import { carryOut } from '../../src/store/phase.js';

/** What src/operations/check.ts does with a path, done with a device of any kind. */

/** The time of every commit that the tests make. */
export const NOW = 1_750_000_000n;

export interface Checked {
  readonly exitCode: number;
  /** As found, before any correction. */
  readonly problems: readonly Problem[];
  /** As it is now. */
  readonly remaining: readonly Problem[];
  /** What was written; undefined where nothing was. */
  readonly plan: CorrectionPlan | undefined;
  /** The code of the error that made it impossible to check. */
  readonly error: ErrorCode | undefined;
}

export async function checkDevice(
  device: BlockDevice,
  mode: Mode,
  options: SurveyOptions = {},
): Promise<Checked> {
  const found = await tryDiagnose(device, options);
  if (found instanceof DmremapError) return impossible(found);
  return correct(device, found, mode, options);
}

/** Corrects what was found on this device, or on one with the same content. */
export async function correct(
  device: BlockDevice,
  found: Diagnosis,
  mode: Mode,
  options: SurveyOptions = {},
): Promise<Checked> {
  const { problems } = found;
  const { correctable, remaining, exitCode } = judge(problems, mode);
  if (correctable.length === 0) return { exitCode, problems, remaining, plan: undefined, error: undefined };
  const plan = planFor(device, found, correctable);
  await carryOut(device, plan.phases);
  const after = judge((await diagnose(device, options)).problems, 'read');
  return { exitCode: 1 | after.exitCode, problems, remaining: after.remaining, plan, error: undefined };
}

export function planFor(
  { logicalBlockSize }: BlockDevice,
  { survey }: Diagnosis,
  problems: readonly Problem[],
): CorrectionPlan {
  return planCorrections({ survey, problems, now: NOW, logicalBlockSize });
}

export function impossible(error: DmremapError): Checked {
  return { exitCode: 8, problems: [], remaining: [], plan: undefined, error: error.code };
}

/** A DmremapError is an answer; anything else is a crash and is thrown. */
export async function tryDiagnose(
  device: BlockDevice,
  options: SurveyOptions = {},
): Promise<Diagnosis | DmremapError> {
  try {
    return await diagnose(device, options);
  } catch (error) {
    if (error instanceof DmremapError) return error;
    throw error;
  }
}

export function idsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ id }) => id);
}

/** Counts what a reader must never do: even an attempt that would be refused is one too many. */
export class WatchedDevice extends FilterDevice {
  attempts = 0;

  override get writable(): boolean {
    return false;
  }

  override async write(): Promise<void> {
    this.attempts++;
  }

  override async flush(): Promise<void> {
    this.attempts++;
  }
}
