import type { Dice } from '../../../src/device/crash/dice.js';
import { MemoryDevice } from '../../../src/device/memory-device.js';
import { DmremapError } from '../../../src/errors.js';
import { CONDITIONS, type Layout, makeStart } from '../../../src/operations/selftest/made-sets.js';
import { MetadataWriter } from '../../../src/store/writer.js';
import { bytes, SECTOR_SIZE } from '../../../src/units.js';
import type { Scene } from './explore.js';
import { spareOn } from './judge-pair.js';
import { Running, type World } from './world.js';

/** Pairs of spares in which a migration, or the way back, begins or goes on. */

export interface Start {
  readonly layout: Layout;
  readonly condition: string;
  readonly blockSize: 512 | 4096;
  readonly entries: number;
  /** TO in sectors. */
  readonly target: number;
}

export async function world(start: Start, dice: Dice): Promise<World> {
  const condition = CONDITIONS.find(({ name }) => name === start.condition);
  if (condition === undefined) throw new Error(start.condition);
  const { layout, blockSize, entries } = start;
  // a plain one becomes redundant when the set goes back to it
  const dataSectors = layout === 'plain' ? 48 : 24;
  const spec = { layout, maxEntries: 60, entries, dataSectors, blockSize };
  const { device, name, faults = [] } = await makeStart(spec, condition, dice);
  const target = new MemoryDevice(dice.bytes(start.target * SECTOR_SIZE), { logicalBlockSize: blockSize });
  return {
    name: `${name}, ${entries} entries, TO of ${start.target} sectors`,
    devices: [device as MemoryDevice, target],
    blocks: [new Map(), new Map()],
    cells: new Map(),
    faults,
  };
}

async function truthOf(state: World, side: 0 | 1): Promise<ReadonlyMap<number, string>> {
  const images = await Running.in(state, (running) => running.images());
  return spareOn(images[side])?.data ?? new Map();
}

export async function starting(state: World): Promise<Scene> {
  return {
    name: `start: ${state.name}`,
    world: state,
    work: (running) => running.migrate(),
    truth: await truthOf(state, 0),
    end: 1,
  };
}

/** A migration that somebody has stopped after so many calls for progress. */
async function stopped(state: World, wish: 'start' | 'rollback', steps: number): Promise<World> {
  const stop = new AbortController();
  let left = steps;
  return Running.in(state, async (running) => {
    const progress = () => {
      if (--left === 0) stop.abort(new DmremapError('cancelled', 'enough'));
    };
    await running.migrate({ wish, signal: stop.signal, progress }).catch((error: unknown) => {
      if (!(error instanceof DmremapError) || error.code !== 'cancelled') throw error;
    });
    return running.world();
  });
}

export async function resuming(state: World, dice: Dice): Promise<Scene> {
  const begun = await stopped(state, 'start', 2 + dice.below(2));
  return {
    ...(await starting(begun)),
    name: `resume: ${state.name}`,
    work: (running) => running.migrate({ wish: 'resume' }),
  };
}

/** FROM was in use between the attempts: other data, one remap less, others more. */
export async function resumingChanged(state: World, dice: Dice): Promise<Scene> {
  const begun = await changed(await stopped(state, 'start', 3), 0, dice);
  return {
    ...(await starting(begun)),
    name: `resume after FROM has changed: ${state.name}`,
    work: (running) => running.migrate({ wish: 'resume' }),
  };
}

async function changed(state: World, side: 0 | 1, dice: Dice): Promise<World> {
  return Running.in(state, async (running) => {
    const device = side === 0 ? running.from : running.to;
    const writer = await MetadataWriter.open(device);
    const { table, header } = writer.content;
    const unit = device.logicalBlockSize;
    const used = new Set(Array.from(table.live(), (slot) => table.spareSector(slot)));
    const begin = Number(header.data_start) === 0 ? 10 : Number(header.data_start);
    const free = Array.from({ length: 16 }, (_, index) => begin + index).filter(
      (sector) => !used.has(sector),
    );
    for (const sector of [...used].slice(0, 3)) {
      const at = bytes(Math.floor((sector * SECTOR_SIZE) / unit) * unit);
      await device.write(at, dice.bytes(unit));
    }
    await writer.commit({ remove: [dice.below(table.count)] }, 1_755_000_000n);
    const append = free.slice(0, 2).map((sector, index): [number, number] => [99_000 + index, sector]);
    await writer.commit({ append }, 1_755_000_001n);
    return running.world();
  });
}

/** A migration that has not ended is given up. */
export async function givingUp(state: World, dice: Dice): Promise<Scene> {
  const begun = await stopped(state, 'start', 2 + dice.below(3));
  const scene = await starting(begun);
  return {
    ...scene,
    name: `give up: ${state.name}`,
    work: (running) => running.migrate({ wish: 'rollback' }),
  };
}

async function moved(state: World): Promise<World> {
  return Running.in(state, async (running) => {
    await running.migrate();
    return running.world();
  });
}

/** One that has ended is taken back, after TO was in use. */
export async function goingBack(state: World, dice: Dice): Promise<Scene> {
  const used = await changed(await moved(state), 1, dice);
  return {
    name: `go back: ${state.name}`,
    world: used,
    work: (running) => running.migrate({ wish: 'rollback' }),
    truth: await truthOf(used, 1),
    end: 0,
  };
}

export async function goingBackAgain(state: World, dice: Dice): Promise<Scene> {
  const scene = await goingBack(state, dice);
  return {
    ...scene,
    name: `resume going back: ${state.name}`,
    world: await stopped(scene.world, 'rollback', 2 + dice.below(2)),
  };
}
