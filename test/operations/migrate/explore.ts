import { createHash } from 'node:crypto';
import type { Dice } from '../../../src/device/crash/dice.js';
import { type Outcome, outcomesAt } from '../../../src/device/crash/outcomes.js';
import { Recording } from '../../../src/device/crash/recording.js';
import { DmremapError } from '../../../src/errors.js';
import { checkSpares } from '../../../src/operations/check-many.js';
import { migrateSpare } from '../../../src/operations/migrate/migrate.js';
import { judge } from '../../support/reader.js';
import { activeOf, spareOn } from './judge-pair.js';
import { after, FROM, NOW, OPTIONS, Running, TO, UNDO, type World } from './world.js';

/**
 * Power cuts of a migration: both devices and the state directory lose what was not flushed, each by itself. In
 * every state exactly one spare is active and has all data; from every state the migration can be ended and
 * taken back.
 */

export interface Scene {
  readonly name: string;
  readonly world: World;
  readonly work: (running: Running) => Promise<unknown>;
  /** Data of main by its sectors. */
  readonly truth: ReadonlyMap<number, string>;
  /** Where the set lives once the work has ended. */
  readonly end: 0 | 1;
}

export interface Tally {
  states: number;
  recovered: number;
  second: number;
  failed: number;
}

export interface ExploreOptions {
  readonly dice: Dice;
  readonly mostOfInstant: number;
  readonly failingFlushes: number;
  /** Of so many states one is recovered, and of so many of these the power is cut again. */
  readonly recoverEvery: number;
  readonly againEvery: number;
}

export async function explore(scene: Scene, options: ExploreOptions): Promise<Tally> {
  const tally: Tally = { states: 0, recovered: 0, second: 0, failed: 0 };
  const explorer = new Explorer(scene, options, tally);
  const flushes = await explorer.run(undefined);
  const count = Math.min(flushes, options.failingFlushes);
  for (let index = 0; index < count; index++) {
    tally.failed++;
    await explorer.run(Math.floor(((index + options.dice.next()) * flushes) / count));
  }
  return tally;
}

class Explorer {
  readonly #scene: Scene;
  readonly #options: ExploreOptions;
  readonly #tally: Tally;
  readonly #seen = new Set<string>();

  constructor(scene: Scene, options: ExploreOptions, tally: Tally) {
    this.#scene = scene;
    this.#options = options;
    this.#tally = tally;
  }

  /** Does the work once, with one flush failing or none; returns how many flushes there were. */
  async run(failing: number | undefined): Promise<number> {
    const { world, work, name } = this.#scene;
    const recording = new Recording(failing);
    const failed = await Running.in(world, (running) => attempt(() => work(running)), recording);
    if (failing === undefined && failed !== undefined && world.faults.length === 0)
      throw new Error(`${name}: ${failed.message}`);
    await this.#judgeAll(
      world,
      recording,
      `${name}${failing === undefined ? '' : `, flush ${failing} fails`}`,
      () => {
        this.#tally.states++;
        return this.#options.dice.chance(1 / this.#options.recoverEvery);
      },
    );
    return recording.flushes;
  }

  async #judgeAll(
    world: World,
    recording: Recording,
    how: string,
    isToRecover: () => boolean,
  ): Promise<void> {
    const { mostOfInstant, dice } = this.#options;
    for (const instant of recording.end())
      for (const outcome of outcomesAt(instant, mostOfInstant, dice)) {
        const key = keyOf(outcome);
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        const state = after(world, outcome);
        const where = `${how}, cut before flush ${instant.flushes}`;
        await this.#judge(state, where);
        if (isToRecover()) await this.#recover(state, where);
      }
  }

  async #judge(state: World, where: string): Promise<0 | 1> {
    const images = await Running.in(state, (running) => running.images());
    const spares = images.map(spareOn);
    const active = activeOf(spares[0], spares[1]);
    if (typeof active === 'string') throw new Error(`${where}: ${active}`);
    this.#compare(spares[active]?.data ?? new Map(), where);
    return active;
  }

  #compare(data: ReadonlyMap<number, string>, where: string): void {
    const { truth } = this.#scene;
    if (data.size !== truth.size) throw new Error(`${where}: ${data.size} remaps, not ${truth.size}`);
    for (const [main, bytes] of truth)
      if (data.get(main) !== bytes) throw new Error(`${where}: sector ${main} of main holds something else`);
  }

  /** Ends the migration or takes it back, with a check of both before, or without. */
  async #recover(state: World, where: string): Promise<void> {
    const { dice, againEvery } = this.#options;
    this.#tally.recovered++;
    const [isForward, isChecked] = [dice.chance(0.5), dice.chance(0.5)];
    const how = `${where}${isChecked ? ', checked' : ''}, ${isForward ? 'ended' : 'taken back'}`;
    const recording = new Recording();
    const left = await Running.in(
      state,
      async (running) => {
        if (isChecked) await checkSpares([FROM, TO], { mode: 'preen', now: NOW, undo: UNDO });
        await (isForward ? this.#end(running) : this.#takeBack(running));
        // a server would do the same
        await checkSpares([FROM, TO], { mode: 'preen', now: NOW, undo: UNDO });
        return running.world();
      },
      recording,
    ).catch((error: unknown) => {
      throw new Error(`${how}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    await this.#judgeEnd(left, isForward ? this.#scene.end : 1 - this.#scene.end, how);
    if (dice.chance(1 / againEvery))
      await this.#judgeAll(state, recording, `${how}, cut again`, () => {
        this.#tally.second++;
        return false;
      });
  }

  /** As an operator would: what was begun is resumed, what was not is begun. */
  async #end(running: Running): Promise<void> {
    if (this.#scene.end === 0) return this.#endGoingBack(running);
    const failed = await attempt(() => running.migrate({ wish: 'resume' }));
    if (failed === undefined) return;
    if (!failed.message.includes('nothing to resume')) throw failed;
    await running.migrate();
  }

  /** FROM may be torn, or have lost its metadata, when it was to become the target. */
  async #endGoingBack(running: Running): Promise<void> {
    const back = () => attempt(() => running.migrate({ wish: 'rollback' }));
    let failed = await back();
    if (failed?.code === 'changed-since') {
      await checkSpares([FROM], { mode: 'preen', now: NOW, undo: UNDO });
      failed = await back();
    }
    if (failed?.code === 'not-dmremap3')
      return void (await migrateSpare(TO, FROM, { ...OPTIONS, wish: 'start' }));
    if (failed !== undefined) throw failed;
  }

  async #takeBack(running: Running): Promise<void> {
    const names = this.#scene.end === 1 ? ([FROM, TO] as const) : ([TO, FROM] as const);
    const failed = await attempt(() => migrateSpare(...names, { ...OPTIONS, wish: 'rollback' }));
    // what cannot be written everywhere becomes no spare again
    if (failed !== undefined && running.world().faults.length === 0) throw failed;
  }

  async #judgeEnd(left: World, expected: number, how: string): Promise<void> {
    const active = await this.#judge(left, how);
    if (active !== expected && left.faults.length === 0) throw new Error(`${how}: the other spare is active`);
    if (left.faults.length > 0) return;
    for (const [which, image] of (await Running.in(left, (running) => running.images())).entries()) {
      const { n, why } = judge(image);
      if (n !== 0 && n !== 8)
        throw new Error(
          `${how}: the reader says ${n} of the ${which === 0 ? 'first' : 'second'}, ${why.join(', ')}`,
        );
    }
  }
}

async function attempt(work: () => Promise<unknown>): Promise<DmremapError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof DmremapError) return error;
    throw error;
  }
}

function keyOf(outcome: Outcome): string {
  const parts = outcome.map((cells) =>
    Array.from(cells, ([key, value]) => {
      const said = value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value);
      return `${key}=${said}`;
    })
      .sort()
      .join('\n'),
  );
  return createHash('md5').update(parts.join('\u0000')).digest('base64');
}
