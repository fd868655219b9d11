import { basename } from 'node:path';
import type { FileDevice } from '../device/file-device.js';
import { type Identity, identify } from '../device/identity.js';
import { DmremapError } from '../errors.js';
import type { Phase } from '../store/phase.js';
import { bytes } from '../units.js';
import {
  carryOutWithUndo,
  foreseenUndoFile,
  type MainTarget,
  type UndoPlace,
  withUndo,
} from './undo-files.js';

/** A device that is about to be changed, as people have to recognise it. */
export interface PlannedDevice {
  readonly path: string;
  /** The kernel's name of a block device, sdb1 however it was named; the name of an image file. */
  readonly kernelName: string;
  /** In bytes. */
  readonly size: number;
  readonly identity: Identity;
}

/** A device that a change concerns beside the one that is written most. */
export interface BesideDevice {
  readonly device: PlannedDevice;
  /** What it is in the change, in one word. */
  readonly as: string;
  readonly before: string;
  readonly after: string;
}

/** What a changing command is about to do, shown before it asks. */
export interface ChangePlan {
  readonly command: string;
  readonly device: PlannedDevice;
  /** The main of its set, where data is read from it or written to it. */
  readonly main?: PlannedDevice;
  /** What is on the device now, and what will be. */
  readonly before: string;
  readonly after: string;
  /** Of the device. */
  readonly phases: readonly Phase[];
  /** What is done, for people, where the phases are not all of it. */
  readonly steps?: readonly string[] | undefined;
  /** Another device that takes part in the change. */
  readonly beside?: BesideDevice | undefined;
  /**
   * The same in parts, where each is to be saved in an undo file of its own that is finished before the next
   * part begins.
   */
  readonly stages?: readonly (readonly Phase[])[] | undefined;
  readonly warnings: readonly string[];
  /** Something is destroyed: the device's kernel name is to be typed and not just yes; main's, where there is one. */
  readonly destroys: boolean;
  /** The layout has one copy: without an undo file nothing could be taken back. */
  readonly singleCopy: boolean;
}

/**
 * Shows the plan and asks. False: only shown (--dry-run). Throws `cancelled` or `no-terminal`.
 *
 * @param undoFile where the overwritten bytes will be saved; undefined with --no-undo
 */
export type Approve = (plan: ChangePlan, undoFile: string | undefined) => Promise<boolean>;

export interface ChangeOptions {
  readonly approve: Approve;
  readonly undo: UndoPlace;
  /** Unix seconds. */
  readonly now: bigint;
}

export interface ChangeResult {
  readonly plan: ChangePlan;
  readonly applied: boolean;
  /** Where the overwritten bytes were saved. */
  readonly undoFile: string | undefined;
  /** Beside those of the plan. */
  readonly warnings: readonly string[];
}

/** How a change is carried out that overwrites main besides: under one undo file of both. */
export interface OnBoth {
  readonly main: MainTarget;
  /** Overwrites nothing but what the plan and `main` say, and returns when that is durable. */
  readonly work: () => Promise<void>;
}

/** What is done, for people, in this order. */
export function stepsOf({ steps, phases }: ChangePlan): readonly string[] {
  return steps ?? phases.map(({ purpose }) => purpose);
}

export async function describeDevice(device: FileDevice): Promise<PlannedDevice> {
  const { path, size, realPath } = device;
  return { path, size, kernelName: basename(realPath), identity: await identify(device) };
}

/**
 * Carries out a change on an exclusively held device: shown, approved, saved to an undo file, written, and
 * read again by `verify`, which throws where the result is not what was planned.
 */
export async function change(
  device: FileDevice,
  plan: ChangePlan,
  identity: {
    readonly spareUuid: string | undefined;
    readonly setUuid: string | undefined;
    readonly generation: number;
  },
  options: ChangeOptions,
  verify: () => Promise<void>,
  onBoth?: OnBoth,
): Promise<ChangeResult> {
  if (options.undo.none && plan.singleCopy)
    throw new DmremapError(
      'undo-unavailable',
      '--no-undo is refused: the layout has one copy of its metadata',
    );
  const saving = {
    command: plan.command,
    now: options.now,
    place: options.undo,
    identity: plan.device.identity,
    ...identity,
  };
  const main = onBoth?.main;
  if (!(await options.approve(plan, foreseenUndoFile(device, plan.phases, { ...saving, main }))))
    return { plan, applied: false, undoFile: undefined, warnings: [] };
  const warnings = new Set<string>();
  let undoFile: string | undefined;
  const stages = plan.stages ?? [plan.phases];
  for (const [done, phases] of stages.entries()) {
    const partOf = { before: done > 0, behind: done < stages.length - 1 };
    const saved =
      onBoth === undefined
        ? await carryOutWithUndo(device, phases, { ...saving, partOf })
        : await withUndo(device, phases, { ...saving, main }, onBoth.work);
    undoFile = saved.path ?? undoFile;
    if (saved.warning !== undefined) warnings.add(saved.warning);
  }
  await device.invalidate(bytes(0), device.size);
  await verify();
  return { plan, applied: true, undoFile, warnings: [...warnings] };
}
