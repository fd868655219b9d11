import { judge, type Mode } from '../check/checker.js';
import type { OverlayDevice } from '../device/filters/overlay-device.js';
import { planCorrections } from '../repair/corrections.js';
import { carryOut, type Phase } from '../store/phase.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import type { SurveyOptions } from './survey.js';

/** A correction may uncover problems that it hid; more rounds than this are never needed. */
export const ROUNDS = 3;

/**
 * Corrects on an overlay what a check in this mode would, as long as a copy of the metadata counts there.
 *
 * @param found what is on the overlay
 * @param options `now` is the time of the commits that corrections make, in Unix seconds
 * @returns the writes of each round
 */
export async function correctOverlay(
  device: OverlayDevice,
  found: Diagnosis,
  mode: Mode,
  { now, ...options }: SurveyOptions & { readonly now: bigint },
): Promise<(readonly Phase[])[]> {
  const parts: (readonly Phase[])[] = [];
  let current = found;
  for (let round = 0; round < ROUNDS; round++) {
    const { correctable } = judge(current.problems, mode);
    if (correctable.length === 0 || current.survey.choice.chosen === undefined) break;
    const { phases } = planCorrections({
      survey: current.survey,
      problems: correctable,
      now,
      logicalBlockSize: device.logicalBlockSize,
    });
    await carryOut(device, phases);
    parts.push(phases);
    current = await diagnose(device, options);
  }
  return parts;
}
