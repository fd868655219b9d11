import type { Problem } from '../../check/finding.js';
import type { ChangeOptions, ChangeResult } from '../change.js';
import { diagnose, problemsOf } from '../diagnose.js';
import { withDevice } from '../open-device.js';
import { carryOutPlan } from './carry-out.js';
import type { SaveDropped } from './dropped.js';
import { loadPlan, refuseChanged } from './plan.js';

export interface ApplyOptions extends ChangeOptions {
  readonly saveDropped: SaveDropped;
}

export interface AppliedPlan {
  readonly change: ChangeResult;
  /** Ids of the problems that the plan corrects. */
  readonly corrects: readonly string[];
  readonly droppedFile: string | undefined;
  /** By a fresh read where something was written, else empty. */
  readonly remaining: readonly Problem[];
}

/**
 * Carries out a plan that `repair --plan` has written, if the metadata is still what it saw.
 *
 * @param file `-` is standard input
 * @throws DmremapError `usage` (no whole plan), `changed-since`, `wrong-device`, and as change
 */
export async function applyPlan(path: string, file: string, options: ApplyOptions): Promise<AppliedPlan> {
  const plan = await loadPlan(file);
  return withDevice(path, 'exclusive', async (device) => {
    await refuseChanged(device, plan);
    const done = await carryOutPlan(device, plan, { ...options, avoid: [] });
    const remaining = done.change.applied ? problemsOf(await diagnose(device)) : [];
    return { ...done, corrects: plan.corrects, remaining };
  });
}
