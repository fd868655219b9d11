import { DmremapError } from '../errors.js';
import { type Header, hasExtension, isRedundant } from '../format/header.js';
import { commit } from '../store/commit.js';
import type { Content } from '../store/content.js';
import { inParts } from '../store/phase.js';
import { contentAfter, stepOf } from '../store/step.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { correctFirst } from './correct-first.js';
import { describeContent } from './describe-content.js';
import { diagnose } from './diagnose.js';
import { holdsContent } from './holds.js';
import { attachedMains, type MainDevice, NO_IDENTITY, readMain } from './main-device.js';
import { judgeRelation } from './main-relation.js';
import { withDevice } from './open-device.js';
import { identityIn } from './set-to-change.js';

export interface RebindResult extends ChangeResult {
  /** Of the new main; empty where it has none. */
  readonly mainId: string;
  /** As it was recorded. */
  readonly oldMainId: string;
  /** In sectors. */
  readonly mainSize: bigint;
  readonly generation: number;
}

/**
 * Records another device as the main of a set, onto which the old one was copied (dmremap rebind). Where that is
 * larger the remapped device grows. That it is a copy is the operator's word.
 *
 * @throws DmremapError `wrong-main` where it is smaller, `wrong-device` where it is the spare, a part of it or
 * around it; as correctFirst and change
 */
export function rebindSpare(path: string, main: string, options: ChangeOptions): Promise<RebindResult> {
  return withDevice(path, 'exclusive', async (spare) => {
    const { found, before, corrections } = await correctFirst(spare, await diagnose(spare), options.now);
    const fresh = await readMain(main);
    const warning = judgeRelation(spare, fresh);
    refuseSmaller(before.header, fresh);
    const oldMainId = recordedId(before.header);
    const fields = bound(before.header, fresh);
    const isSame = Object.entries(fields).every(
      ([name, value]) => Reflect.get(before.header, name) === value,
    );
    const step = isSame ? undefined : stepOf(before, { header: fields }, options.now);
    const content: Content = step === undefined ? before : contentAfter(before, step);
    const phases = step === undefined ? [] : inParts([corrections, commit(step, spare.logicalBlockSize)]);
    const plan: ChangePlan = {
      command: 'rebind',
      device: await describeDevice(spare),
      before: `${describeContent(found)}, main ${named(oldMainId)}`,
      after:
        step === undefined
          ? 'the same: there is nothing to do'
          : `${describeContent(content)}, main ${named(fresh.id)}`,
      phases,
      warnings: [...(warning === undefined ? [] : [warning]), ...warningsOf(before.header, fresh)],
      destroys: false,
      singleCopy: !isRedundant(found.header),
    };
    const facts = {
      mainId: fresh.id,
      oldMainId,
      mainSize: content.header.main_device_size,
      generation: content.header.generation,
    };
    if (step === undefined)
      return { plan, applied: false, undoFile: undefined, warnings: plan.warnings, ...facts };
    const undo = { ...options.undo, avoid: [fresh, ...(await attachedMains(found.header))] };
    const result = await change(spare, plan, identityIn(found.header), { ...options, undo }, async () => {
      if (!(await holdsContent(spare, content)))
        throw new DmremapError('io', `${path}: what was written does not read back right`);
    });
    return { ...result, ...facts };
  });
}

function recordedId(header: Header): string {
  return hasExtension(header) ? header.main_id : '';
}

function named(id: string): string {
  return id === '' ? NO_IDENTITY : id;
}

/** What says which device main is. */
function bound(header: Header, { id, size }: MainDevice): Partial<Header> {
  const main_device_size = BigInt(size);
  return hasExtension(header) ? { main_device_size, main_id: id } : { main_device_size };
}

function warningsOf(header: Header, { path, id, size }: MainDevice): string[] {
  const warnings: string[] = [];
  if (BigInt(size) > header.main_device_size)
    warnings.push(
      `the remapped device grows from ${header.main_device_size} to ${size} sectors, as ${path} has`,
    );
  if (!hasExtension(header)) warnings.push('this set has no place for the identity of a main');
  else if (id === '') warnings.push(`${path} has no identity: main has to be named with --main from now on`);
  return warnings;
}

function refuseSmaller({ main_device_size }: Header, { path, size }: MainDevice): void {
  if (BigInt(size) >= main_device_size) return;
  throw new DmremapError(
    'wrong-main',
    `${path} has ${size} sectors, the set's main ${main_device_size}: it cannot be a copy of it`,
    { data: { main_sectors: size, recorded_main_sectors: main_device_size } },
  );
}
