import type { CellKey, CellValue } from '../../../src/device/crash/medium.js';
import type { Outcome } from '../../../src/device/crash/outcomes.js';
import { Recording } from '../../../src/device/crash/recording.js';
import { ErrorDevice, type Fault } from '../../../src/device/filters/error-device.js';
import { type Blocks, OverlayDevice } from '../../../src/device/filters/overlay-device.js';
import { RecordingDevice } from '../../../src/device/filters/recording-device.js';
import type { MemoryDevice } from '../../../src/device/memory-device.js';
import {
  type MigrateOptions,
  type MigrateResult,
  migrateSpare,
} from '../../../src/operations/migrate/migrate.js';
import { lendDevice } from '../../../src/operations/open-device.js';
import { MemoryVolume } from '../../../src/undo/memory-volume.js';
import { mountVolume } from '../../../src/undo/volume.js';
import { bytes } from '../../../src/units.js';

/** Two spares and a state directory in memory, whose writes are recorded. */

export const [FROM, TO, STATE] = ['/migrate/from', '/migrate/to', '/migrate/state'];
export const NOW = 1_760_000_000n;
export const UNDO = { surroundings: { environment: { DMREMAP_STATE_DIR: STATE } } } as const;

/** Nobody is asked, and the cursor is saved often. */
export const OPTIONS = {
  lost: 'fail',
  abandonSource: false,
  force: false,
  discardRemaps: undefined,
  approve: async () => true,
  undo: UNDO,
  now: NOW,
  save: { sectors: 3, milliseconds: 0 },
} as const;

export interface World {
  readonly name: string;
  /** Only read. */
  readonly devices: readonly [MemoryDevice, MemoryDevice];
  readonly blocks: readonly [Blocks, Blocks];
  readonly cells: ReadonlyMap<CellKey, CellValue>;
  /** Of FROM. */
  readonly faults: readonly Fault[];
}

export class Running {
  readonly recording: Recording;
  readonly from: ErrorDevice;
  readonly to: ErrorDevice;
  readonly #world: World;
  readonly #overlays: readonly [OverlayDevice, OverlayDevice];
  readonly #volume: MemoryVolume;

  private constructor(world: World, recording: Recording) {
    this.#world = world;
    this.recording = recording;
    const [from, to] = world.devices;
    this.#overlays = [new OverlayDevice(from, world.blocks[0]), new OverlayDevice(to, world.blocks[1])];
    this.from = new ErrorDevice(new RecordingDevice(this.#overlays[0], recording));
    this.to = new ErrorDevice(new RecordingDevice(this.#overlays[1], recording));
    for (const fault of world.faults) this.from.addFault(fault);
    this.#volume = new MemoryVolume(recording, world.cells);
  }

  static async in<Result>(
    world: World,
    work: (running: Running) => Promise<Result>,
    recording = new Recording(),
  ): Promise<Result> {
    const running = new Running(world, recording);
    const leave = [
      lendDevice(FROM, running.from),
      lendDevice(TO, running.to),
      mountVolume(STATE, running.#volume),
    ];
    try {
      return await work(running);
    } finally {
      for (const one of leave) one();
    }
  }

  migrate(options: Partial<MigrateOptions> = {}): Promise<MigrateResult> {
    return migrateSpare(FROM, TO, { ...OPTIONS, wish: 'start', ...options });
  }

  /** What lies there now, as another world. */
  world(name = this.#world.name): World {
    const [from, to] = this.#overlays;
    return { ...this.#world, name, blocks: [from.blocks, to.blocks], cells: this.#volume.cells };
  }

  async images(): Promise<[Buffer, Buffer]> {
    const [from, to] = this.#overlays;
    return [await contentOf(from), await contentOf(to)];
  }
}

async function contentOf(device: OverlayDevice): Promise<Buffer> {
  const image = Buffer.alloc(device.size);
  await device.read(bytes(0), image);
  return image;
}

/** What a power cut of work that began in this world has left. */
export function after(world: World, [from = new Map(), to = new Map(), cells = new Map()]: Outcome): World {
  return {
    ...world,
    blocks: [withCells(world.blocks[0], from), withCells(world.blocks[1], to)],
    cells: new Map([...world.cells, ...cells]),
  };
}

function withCells(blocks: Blocks, cells: ReadonlyMap<CellKey, CellValue>): Blocks {
  const all = new Map(blocks);
  for (const [key, value] of cells)
    if (typeof key === 'number' && value instanceof Uint8Array) all.set(key, value);
  return all;
}
