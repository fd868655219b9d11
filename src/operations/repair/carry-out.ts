import type { FileDevice } from '../../device/file-device.js';
import { removeOutputFile } from '../../device/output-file.js';
import type { Medium } from '../../device/same-medium.js';
import { DmremapError } from '../../errors.js';
import type { PlanDocument } from '../../exchange/plan-document.js';
import { RemapTable } from '../../format/entry.js';
import { decodeHeader } from '../../format/header.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from '../change.js';
import { type CutShort, letStand } from '../cut-short.js';
import { attachedMains } from '../main-device.js';
import type { SaveDropped } from './dropped.js';
import { verifyWritten } from './verify.js';

export interface CarryOutOptions extends ChangeOptions {
  readonly saveDropped: SaveDropped;
  /** Mains that the undo file must not lie on, beside those that the metadata names. */
  readonly avoid: readonly Medium[];
  /** A change that a power cut ended, after which a copy is valid: it needs no undoing (format.md section 4). */
  readonly cutShort?: CutShort | undefined;
}

export interface CarriedOut {
  readonly change: ChangeResult;
  readonly droppedFile: string | undefined;
}

/** Carries out a repair plan: shown, approved, what it drops and overwrites saved, written and read back. */
export async function carryOutPlan(
  device: FileDevice,
  plan: PlanDocument,
  options: CarryOutOptions,
): Promise<CarriedOut> {
  const { phases, generation, setUuid, spareUuid } = plan;
  const entries = new RemapTable(plan.dropped);
  const shown: ChangePlan = {
    command: 'repair',
    device: await describeDevice(device),
    before: plan.before,
    after: entries.count === 0 ? plan.after : `${plan.after} (${entries.count} dropped)`,
    phases,
    warnings: plan.warnings,
    destroys: false,
    singleCopy: plan.singleCopy,
  };
  const avoid = [...(await attachedMains(decodeHeader(plan.header))), ...options.avoid];
  const undo = { ...options.undo, avoid };
  let droppedFile: string | undefined;
  const approve = async (seen: ChangePlan, undoFile: string | undefined) => {
    const approved = await options.approve(seen, undoFile);
    if (approved && options.cutShort !== undefined) await letStand(options.cutShort);
    if (approved && entries.count > 0)
      droppedFile = await options.saveDropped(device, { block: plan.header, entries }, generation, undo);
    return approved;
  };
  const done = await change(
    device,
    shown,
    { spareUuid, setUuid, generation },
    { ...options, approve, undo },
    () => verifyWritten(device, phases),
  ).catch(async (error: unknown) => {
    // nothing was written, so nothing was dropped
    const undone = error instanceof DmremapError && error.code === 'undo-unavailable';
    if (undone && droppedFile !== undefined) await removeOutputFile(droppedFile);
    throw error;
  });
  return { change: done, droppedFile };
}
