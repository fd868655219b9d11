import { judge } from '../../check/checker.js';
import type { FileDevice } from '../../device/file-device.js';
import { OverlayDevice } from '../../device/filters/overlay-device.js';
import { planCorrections } from '../../repair/corrections.js';
import { carryOut } from '../../store/phase.js';
import { diagnose } from '../diagnose.js';
import { loadPlan, refuseChanged } from '../repair/plan.js';

/** A spare as it would be, with nothing written. */
export interface InMemory {
  readonly device: OverlayDevice;
  /** What was done, for people. */
  readonly done: readonly string[];
}

export interface InMemoryOptions {
  /** A file. */
  readonly plan: string | undefined;
  /** Unix seconds. */
  readonly now: () => bigint;
}

/** A correction may uncover problems that it hid; more rounds than this are never needed. */
const ROUNDS = 3;

/**
 * Carries out a repair plan in memory, and corrects there what `check -p` corrects. Writes nothing.
 *
 * @throws DmremapError as loadPlan and refuseChanged
 */
export async function recoverInMemory(spare: FileDevice, { plan, now }: InMemoryOptions): Promise<InMemory> {
  const device = new OverlayDevice(spare);
  const done: string[] = [];
  if (plan !== undefined) {
    const planned = await loadPlan(plan);
    await refuseChanged(spare, planned);
    const { phases } = planned;
    await carryOut(device, phases);
    done.push(...phases.map(({ purpose }) => purpose));
  }
  for (let round = 0; round < ROUNDS; round++) {
    const { survey, problems } = await diagnose(device, { skipBeyond: true });
    const { correctable } = judge(problems, 'preen');
    if (correctable.length === 0 || survey.choice.chosen === undefined) break;
    const { phases } = planCorrections({
      survey,
      problems: correctable,
      now: now(),
      logicalBlockSize: device.logicalBlockSize,
    });
    await carryOut(device, phases);
    done.push(...phases.map(({ purpose }) => purpose));
  }
  return { device, done };
}
