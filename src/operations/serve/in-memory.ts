import type { FileDevice } from '../../device/file-device.js';
import { OverlayDevice } from '../../device/filters/overlay-device.js';
import { carryOut } from '../../store/phase.js';
import { correctOverlay } from '../correct-overlay.js';
import { diagnose } from '../diagnose.js';
import { takeOver, whyNotTaken } from '../module-take-over.js';
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
  const options = { skipBeyond: true, now: now() };
  const found = await diagnose(device, options);
  const { module } = found.survey;
  if (module !== undefined && whyNotTaken(device, found, module) === undefined) {
    const { phases } = takeOver(device, found, module, options.now);
    await carryOut(device, phases);
    done.push(...phases.map(({ purpose }) => purpose));
  }
  const parts = await correctOverlay(device, await diagnose(device, options), 'preen', options);
  done.push(...parts.flat().map(({ purpose }) => purpose));
  return { device, done };
}
