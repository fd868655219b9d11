import type { FileDevice } from '../../device/file-device.js';
import { DmremapError } from '../../errors.js';
import { hasExtension, ZERO_UUID } from '../../format/header.js';
import { courseOf, type Step } from '../../migrate/course.js';
import { activeOf, standingOf, type Way } from '../../migrate/standing.js';
import { type Span, spansOf } from '../../remap/selection.js';
import { bytes } from '../../units.js';
import type { ChangeOptions, ChangeResult } from '../change.js';
import { findCutShort, letStand } from '../cut-short.js';
import { lastingName } from '../lasting-name.js';
import { type LostMapOptions, writeLostMap } from '../lost-map.js';
import type { MainChoice } from '../main-device.js';
import { anyOccupant } from '../occupant.js';
import { withDevice } from '../open-device.js';
import { surveySpare } from '../survey.js';
import { carryOutWithUndo, foreseenUndoFile, type UndoOptions } from '../undo-files.js';
import type { CarryOverOptions } from './carry-over.js';
import { lookAtSource, lookAtTarget } from './look.js';
import { judgeTarget, mainOfSet } from './main-of-set.js';
import { type MigrationPlan, type PlannedStep, type PlanOptions, planMigration, type Scene } from './plan.js';
import { identifySource } from './prepare.js';
import { line, type Names, readOnlyError, refusalError } from './refusals.js';
import {
  type Carried,
  carryToTheEnd,
  finishSwitch,
  type Known,
  keepSource,
  reinstate,
  retireOlder,
  type Unread,
} from './run.js';
import { type Part, type Sides, withSide } from './sides.js';

export interface MigrateOptions
  extends ChangeOptions,
    MainChoice,
    PlanOptions,
    CarryOverOptions,
    LostMapOptions {
  readonly now: bigint;
  /** The target takes over although the source could not be retired. */
  readonly abandonSource: boolean;
}

export interface MigrateResult extends ChangeResult {
  readonly outcome: Carried['outcome'] | 'taken back' | 'nothing to do' | 'only shown';
  readonly names: Names;
  /** Which of the two counts now; undefined where it is not known. */
  readonly active: 'from' | 'to' | undefined;
  readonly entries: number;
  /** What was carried; undefined where nothing was to be. */
  readonly carried: Carried | undefined;
  /** Sectors of main whose data the source does not give, and those that it gave only once. */
  readonly lost: readonly Span[];
  readonly unproven: readonly Span[];
  /** The mapfile of what could not be read. */
  readonly lostMap: string | undefined;
}

/**
 * Moves all remaps and their data from one spare to another, or goes on with that, or takes it back (dmremap
 * migrate, format.md section 8).
 *
 * @throws DmremapError `wrong-device`, `wrong-main`, `too-small`, `retired`, `incomplete`, `changed-since`, `busy`,
 * `io`, `no-space`, `cancelled`, …
 */
export function migrateSpare(
  fromPath: string,
  toPath: string,
  options: MigrateOptions,
): Promise<MigrateResult> {
  const isBack = options.wish === 'rollback';
  const [fromPart, toPart]: [Part, Part] = isBack ? ['former source', 'former source'] : ['source', 'target'];
  return withSide(fromPath, fromPart, async (from) => {
    const source = await lookAtSource(from.device).catch((error: unknown) => {
      throw isBack ? sayingWhereItIs(error, { from: fromPath, to: toPath }) : error;
    });
    const { header } = source.content;
    const main = await mainOfSet(from.device, header, options);
    const warnings = await withDevice(toPath, 'read', async (to) => judgeTarget(to, from.device, main));
    return withSide(toPath, toPart, async (to) => {
      const target = await lookAtTarget(to.device, header);
      const scene: Scene = {
        from: { ...from, name: lastingName(fromPath, from.device, header) },
        to: { ...to, name: lastingName(toPath, to.device, target.spare?.content?.header) },
        source,
        target,
        main,
        warnings: [...main.warnings, ...warnings, ...readOnlyWarnings(from.device, options)],
      };
      return new Migration(scene, options).run();
    });
  });
}

/** That a source takes no writes is found again only behind all the copying. */
function readOnlyWarnings(
  { path, writable }: FileDevice,
  { wish, abandonSource }: Pick<MigrateOptions, 'wish' | 'abandonSource'>,
): string[] {
  if (writable || wish === 'rollback' || abandonSource) return [];
  return [
    `${path} takes no writes: all is copied and compared, then it ends, unless --abandon-source gives it up`,
  ];
}

function ascending(sectors: number[]): number[] {
  return sectors.sort((a, b) => a - b);
}

/** A spare to which the set is to go back and that holds no metadata any more. */
function sayingWhereItIs(error: unknown, { from, to }: Names): unknown {
  if (!(error instanceof DmremapError) || error.code !== 'not-dmremap3') return error;
  const { code, message, data } = error;
  const hint = `if the set lives on ${to}: ${line({ from: to, to: from })}`;
  return new DmremapError(code, message, { hint, data, cause: error });
}

class Migration {
  readonly #scene: Scene;
  readonly #options: MigrateOptions;
  readonly #names: Names;
  readonly #warnings = new Set<string>();
  #undoFile: string | undefined;

  constructor(scene: Scene, options: MigrateOptions) {
    this.#scene = scene;
    this.#options = options;
    this.#names = { from: scene.from.name, to: scene.to.name };
  }

  async run(): Promise<MigrateResult> {
    const { source, target } = this.#scene;
    const [from, to] = [source.member, target.spare?.member];
    const course = courseOf(standingOf({ from, to }), this.#options.wish);
    if (course.kind === 'refused') throw refusalError(course.because, this.#names, from, to);
    const steps = course.kind === 'steps' ? course.steps : [];
    for (const step of steps) this.#refuseReadOnly(step);
    const plan = await planMigration(this.#scene, steps, this.#options);
    if (course.kind === 'done') return this.#isDone(plan, course.active);
    const saved = plan.steps.find(({ phases }) => phases.length > 0);
    const undoFile =
      saved === undefined
        ? undefined
        : foreseenUndoFile(this.#sides(saved.way).target.device, saved.phases, this.#saving(saved, plan));
    if (!(await this.#options.approve(plan.shown, undoFile)))
      return this.#result(plan, { outcome: 'only shown', active: undefined });
    return this.#carryOut(plan);
  }

  /** A target that was erased up to the last flush must not come back by what was saved of it. */
  async #isDone(plan: MigrationPlan, active: 'from' | 'to'): Promise<MigrateResult> {
    const { device } = this.#scene.to;
    const isGivenUp = this.#options.wish === 'rollback' && this.#scene.target.spare === undefined;
    const cutShort = isGivenUp
      ? await findCutShort(device, await surveySpare(device), this.#options.undo)
      : undefined;
    if (cutShort?.command !== 'migrate') return this.#result(plan, { outcome: 'nothing to do', active });
    if (!(await this.#options.approve(plan.shown, undefined)))
      return this.#result(plan, { outcome: 'only shown', active: undefined });
    await letStand(cutShort);
    return this.#result(plan, { outcome: 'taken back', active });
  }

  async #carryOut(plan: MigrationPlan): Promise<MigrateResult> {
    let carried: Carried | undefined;
    for (const step of plan.steps) {
      this.#options.signal?.throwIfAborted();
      try {
        carried = await this.#do(step, plan);
      } catch (error) {
        throw await this.#sayingWhatStands(error, step);
      }
    }
    const last = plan.steps.at(-1);
    if (last?.does === 'erase') return this.#result(plan, { outcome: 'taken back', active: 'from' });
    const [before, after] = last?.way === 'back' ? (['to', 'from'] as const) : (['from', 'to'] as const);
    if (carried === undefined) return this.#result(plan, { outcome: 'moved', active: after });
    const lostMap = await this.#saveLost(carried, last?.way ?? 'there');
    const { outcome, isSourceUnknown } = carried;
    const isMoved = outcome === 'moved' || outcome === 'abandoned';
    const active = isMoved ? after : isSourceUnknown ? undefined : before;
    return this.#result(plan, { outcome, active, carried, lostMap });
  }

  async #do({ way, does, phases }: PlannedStep, plan: MigrationPlan): Promise<Carried | undefined> {
    const sides = this.#sides(way);
    const { now } = this.#options;
    switch (does) {
      case 'prepare':
        if (way === 'there' && !hasExtension(this.#scene.source.content.header))
          await identifySource(sides.source, plan.identity, now);
        await this.#write({ way, does, phases }, plan);
        return undefined;
      case 'erase':
        await keepSource(sides);
        await this.#write({ way, does, phases }, plan);
        await this.#verifyErased(sides);
        return undefined;
      case 'reinstate':
        await reinstate(sides, now).catch((error: unknown) => {
          // it is not needed any more
          if (!this.#options.abandonSource || !(error instanceof DmremapError)) throw error;
        });
        return undefined;
      case 'retire':
        await retireOlder(sides, now);
        return undefined;
      case 'finish':
        this.#warnOf(await finishSwitch(sides, this.#options), sides);
        return undefined;
      case 'carry': {
        const carried = await carryToTheEnd(sides, this.#options, this.#known(plan));
        if (carried.outcome === 'moved' || carried.outcome === 'abandoned') {
          this.#warnOf(carried.targetFailure, sides);
          await this.#verifyMoved(sides, carried);
        }
        return carried;
      }
    }
  }

  #refuseReadOnly({ does, way }: Step): void {
    const { source, target } = this.#sides(way);
    const { header } = this.#scene.source.content;
    const isIdentified = does === 'prepare' && way === 'there' && !hasExtension(header);
    const isReinstated = does === 'reinstate' && !this.#options.abandonSource;
    if ((isIdentified || isReinstated || does === 'retire') && !source.device.writable)
      throw readOnlyError(
        source.name,
        isIdentified ? 'and has no identity yet that its target could name' : '',
      );
    if (does !== 'reinstate' && does !== 'retire' && !target.device.writable)
      throw readOnlyError(target.name);
  }

  #sides(way: Way): Sides {
    const { from, to } = this.#scene;
    return way === 'there' ? { source: from, target: to } : { source: to, target: from };
  }

  async #write(step: PlannedStep, plan: MigrationPlan): Promise<void> {
    const { device } = this.#sides(step.way).target;
    const { path, warning } = await carryOutWithUndo(device, step.phases, this.#saving(step, plan));
    this.#undoFile = path ?? this.#undoFile;
    if (warning !== undefined) this.#warnings.add(warning);
  }

  /**
   * What was loaded of the source under its lock, where no step writes to it before the last one; and what step 1
   * has made of that on the target.
   */
  #known({ steps }: MigrationPlan): Known {
    const { content, loaded } = this.#scene.source;
    const isAsFound = steps.every(
      ({ way, does }) => way === 'there' && (does === 'prepare' || does === 'carry'),
    );
    if (!isAsFound || !hasExtension(content.header)) return {};
    return { source: loaded, target: steps.find(({ does }) => does === 'prepare')?.made };
  }

  /** What is saved of the device that a step writes on. */
  #saving({ way }: PlannedStep, { shown }: MigrationPlan): UndoOptions {
    const { source, target, main, from, to } = this.#scene;
    const header = way === 'back' ? source.content.header : target.occupant.header;
    const known = (uuid: string | undefined) => (uuid === ZERO_UUID ? undefined : uuid);
    const avoid = [...main.devices, way === 'back' ? to.device : from.device];
    return {
      command: 'migrate',
      now: this.#options.now,
      place: { ...this.#options.undo, avoid },
      identity: shown.device.identity,
      spareUuid: known(header?.spare_uuid),
      setUuid: known(header?.set_uuid),
      generation: header?.generation ?? 0,
    };
  }

  /** Reads both again, from their media: the target is active, the source is not, and nothing is wrong with them. */
  async #verifyMoved({ source, target }: Sides, carried: Carried): Promise<void> {
    for (const { device } of [source, target]) await device.invalidate(bytes(0), device.size);
    if (carried.outcome === 'abandoned') {
      await lookAtSource(target.device);
      return;
    }
    // one is read while the other's table is judged; both have ended before the devices are closed
    const looks = [lookAtSource(target.device), lookAtSource(source.device)] as const;
    const [to, from] = await Promise.allSettled(looks);
    if (to.status === 'rejected') throw to.reason;
    if (from.status === 'rejected') throw from.reason;
    const standing = standingOf({ from: from.value.member, to: to.value.member });
    if (standing.kind !== 'under way' || standing.stage !== 'moved' || standing.way !== 'there')
      throw new DmremapError('io', `${target.name}: what was written does not read back right`);
  }

  async #verifyErased({ target }: Sides): Promise<void> {
    await target.device.invalidate(bytes(0), target.device.size);
    if ((await anyOccupant(target.device)).headers.length > 0)
      throw new DmremapError('io', `${target.name}: a header is still there after it was erased`);
  }

  #warnOf(failure: DmremapError | undefined, { target }: Sides): void {
    if (failure === undefined) return;
    this.#warnings.add(
      `${failure.message}; it is active, with one copy only; next: dmremap check -p ${target.name}`,
    );
  }

  async #saveLost({ lost, unproven }: Carried, way: Way): Promise<string | undefined> {
    const { device } = this.#sides(way).source;
    const spans = spansOf(ascending([...lost, ...unproven].map(({ sector }) => sector)));
    const { source, from, to, main } = this.#scene;
    const never = [from.device, to.device, ...main.devices];
    const named = { spare: device, header: source.content.header, never };
    try {
      return await writeLostMap(
        { command: 'migrate', device, size: device.size, spans },
        named,
        this.#options,
      );
    } catch (error) {
      // what the migration has come to must be told all the same
      if (!(error instanceof DmremapError)) throw error;
      this.#warnings.add(`the mapfile could not be written: ${error.message}`);
      return undefined;
    }
  }

  /** A failure in the midst of it, which now says which spare is active and what to type. */
  async #sayingWhatStands(error: unknown, { does, way }: PlannedStep): Promise<unknown> {
    if (!(error instanceof DmremapError)) return error;
    const { code, message, data } = error;
    const names = this.#names;
    const { source, target } = this.#sides(way);
    const goOn = way === 'there' ? '--resume' : '--rollback';
    const active = await this.#activeNow();
    const stands =
      active === undefined
        ? `which of both is active is not known; once they can be read again, look: dmremap check ${names.from} ${names.to}`
        : `${names[active]} is the active spare`;
    const next =
      does === 'prepare' && way === 'there'
        ? `begin again: ${line(names)}`
        : `to go on: ${line(names, goOn)}; to end it: ${way === 'there' ? line(names, '--rollback') : line({ from: target.name, to: source.name }, '--rollback')}`;
    return new DmremapError(code, message, {
      hint: `${stands}; ${next}`,
      data: { ...data, active: active === undefined ? null : active },
      cause: error,
    });
  }

  /** By what lies on both; undefined where that cannot be told. */
  async #activeNow(): Promise<'from' | 'to' | undefined> {
    const { from, to } = this.#scene;
    try {
      const source = await lookAtSource(from.device);
      const target = await lookAtTarget(to.device, source.content.header);
      const pair = { from: source.member, to: target.spare?.member };
      return activeOf(standingOf(pair));
    } catch (error) {
      if (error instanceof DmremapError) return undefined;
      throw error;
    }
  }

  #result(
    plan: MigrationPlan,
    facts: Pick<MigrateResult, 'outcome' | 'active'> & Partial<Pick<MigrateResult, 'carried' | 'lostMap'>>,
  ): MigrateResult {
    const { outcome, carried } = facts;
    const ofMain = (unread: readonly Unread[] = []) =>
      spansOf(ascending(unread.map(({ main_sector }) => main_sector)));
    return {
      plan: plan.shown,
      applied: outcome !== 'only shown' && outcome !== 'nothing to do',
      undoFile: this.#undoFile,
      warnings: [...this.#warnings],
      names: this.#names,
      entries: plan.entries,
      carried: undefined,
      lost: ofMain(carried?.lost),
      unproven: ofMain(carried?.unproven),
      lostMap: undefined,
      ...facts,
    };
  }
}
