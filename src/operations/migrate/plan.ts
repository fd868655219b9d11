import { randomUUID } from 'node:crypto';
import { DmremapError } from '../../errors.js';
import type { Step, Wish } from '../../migrate/course.js';
import type { SourceIdentity } from '../../migrate/identity.js';
import { erase } from '../../store/create.js';
import type { Phase } from '../../store/phase.js';
import { SECTOR_SIZE } from '../../units.js';
import { type ChangePlan, describeDevice } from '../change.js';
import { describeContent } from '../describe-content.js';
import {
  describeOccupant,
  type Occupant,
  refuseCountedOn,
  refuseForeign,
  refuseLiveEntries,
} from '../occupant.js';
import { type FoundSource, type FoundTarget, lookAtSource, lookAtTarget } from './look.js';
import type { MainOfSet } from './main-of-set.js';
import { identified, planTarget, type TargetPlan } from './prepare.js';
import type { Side } from './sides.js';

/** All that is known when both devices are held. */
export interface Scene {
  readonly from: Side;
  readonly to: Side;
  readonly source: FoundSource;
  readonly target: FoundTarget;
  readonly main: MainOfSet;
  readonly warnings: readonly string[];
}

export interface PlanOptions {
  readonly wish: Wish;
  readonly entries?: number | undefined;
  readonly force: boolean;
  readonly discardRemaps: number | undefined;
  /** Unix seconds. */
  readonly now: bigint;
}

/** What a step writes beyond single commits, known before it begins. */
export interface PlannedStep extends Step {
  readonly phases: readonly Phase[];
  /** The same phases and what they come to, where the step makes a target. */
  readonly made?: TargetPlan;
}

export interface MigrationPlan {
  readonly shown: ChangePlan;
  readonly steps: readonly PlannedStep[];
  /** For a source without one. */
  readonly identity: SourceIdentity;
  /** Live entries of the set. */
  readonly entries: number;
}

/**
 * What the steps will write, and how it is shown. Reads only.
 *
 * @throws DmremapError `wrong-device` (live remaps, foreign content, another set), `too-small`, `changed-since`
 */
export async function planMigration(
  scene: Scene,
  steps: readonly Step[],
  options: PlanOptions,
): Promise<MigrationPlan> {
  const { main } = scene;
  const identity = { setUuid: randomUUID(), spareUuid: randomUUID(), mainId: main.devices[0]?.id ?? '' };
  const planned: PlannedStep[] = [];
  for (const step of steps) planned.push({ ...step, ...(await writesOf(scene, step, identity, options)) });
  const isBack = planned.some(({ way, does }) => way === 'back' && does !== 'erase');
  const active = isBack ? (scene.target.spare?.content ?? scene.source.content) : scene.source.content;
  const entries = active.table.liveCount;
  return { shown: await planShown(scene, planned, entries), steps: planned, identity, entries };
}

async function writesOf(
  scene: Scene,
  { way, does }: Step,
  identity: SourceIdentity,
  options: PlanOptions,
): Promise<Pick<PlannedStep, 'phases' | 'made'>> {
  if (does === 'erase') return { phases: erasing(scene.to, scene.target.occupant) };
  if (does !== 'prepare') return { phases: [] };
  const made = await (way === 'there' ? preparing(scene, identity, options) : preparingBack(scene, options));
  return { phases: made.phases, made };
}

function erasing({ device }: Side, { headerErasures }: Occupant): readonly Phase[] {
  return erase(headerErasures, device.logicalBlockSize);
}

async function preparing(
  { to, source, target }: Scene,
  identity: SourceIdentity,
  { entries, force, discardRemaps, now }: PlanOptions,
): Promise<TargetPlan> {
  const { device } = to;
  const { occupant } = target;
  refuseCountedOn(device.path, occupant);
  refuseLiveEntries(device.path, occupant, discardRemaps);
  refuseOtherSet(device.path, occupant, discardRemaps);
  refuseForeign(device.path, occupant, force);
  const content = identified(source.content, identity);
  const maxEntries = entries ?? content.header.max_entries;
  const request = { maxEntries, spareUuid: randomUUID(), newest: target.newest, now };
  return planTarget(content, { device, erasures: occupant.erasures }, request);
}

/** A set without remaps is another main's all the same. */
export function refuseOtherSet(
  path: string,
  { headers, remaps }: Occupant,
  discard: number | undefined,
): void {
  if (headers.length === 0 || discard === remaps.count) return;
  throw new DmremapError('wrong-device', `${path} holds another DMREMAP3 set, without remaps`, {
    hint: `if nobody needs it: --discard-remaps ${remaps.count}`,
    data: { live_entries: remaps.count },
  });
}

/** FROM becomes the target; it keeps its identity and, unless told, its capacity. */
async function preparingBack(
  { from, to, source }: Scene,
  { entries, now }: PlanOptions,
): Promise<TargetPlan> {
  const { content } = await lookAtSource(to.device);
  const { newest, occupant } = await lookAtTarget(from.device, content.header);
  const { max_entries, spare_uuid } = source.content.header;
  const request = { maxEntries: entries ?? max_entries, spareUuid: spare_uuid, newest, now };
  return planTarget(content, { device: from.device, erasures: occupant.headerErasures }, request);
}

async function planShown(
  { from, to, source, target, warnings }: Scene,
  steps: readonly PlannedStep[],
  entries: number,
): Promise<ChangePlan> {
  const prepared = steps.find(({ phases }) => phases.length > 0);
  const isBack = steps.at(-1)?.way === 'back';
  const found = { from: describeContent(source.content), to: describeOccupant(target.occupant) };
  const [source_, target_] = isBack ? [to, from] : [from, to];
  const erases = prepared?.does === 'erase';
  return {
    command: 'migrate',
    device: await describeDevice(target_.device),
    before: isBack ? found.from : found.to,
    after: erases ? 'no metadata' : `the active spare of the set, with ${entries} remaps and their data`,
    beside: {
      as: 'from',
      device: await describeDevice(source_.device),
      before: isBack ? found.to : found.from,
      after: erases ? 'the same: the active spare' : 'the same, retired',
    },
    phases: prepared?.phases ?? [],
    steps: steps.flatMap((step) => sentences(step, entries)),
    warnings,
    destroys: prepared !== undefined,
    singleCopy: false,
  };
}

function sentences({ does, phases }: PlannedStep, entries: number): string[] {
  switch (does) {
    case 'prepare':
    case 'erase':
      return phases.map(({ purpose }) => purpose);
    case 'carry':
      return [
        `copy ${entries * SECTOR_SIZE} bytes of ${entries} remaps, and compare them past the cache`,
        'retire the spare that they come from',
        'make the other one the active spare',
      ];
    case 'reinstate':
      return ['make the spare active again that is retired: the other one does not know of that'];
    case 'finish':
      return ['make the spare active that the set has moved to'];
    case 'retire':
      return ['retire the older of two active spares'];
  }
}
