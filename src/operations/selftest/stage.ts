import type { BlockDevice } from '../../device/block-device.js';
import { Dice } from '../../device/crash/dice.js';
import type { CellKey, CellValue } from '../../device/crash/medium.js';
import type { Outcome } from '../../device/crash/outcomes.js';
import type { Recording } from '../../device/crash/recording.js';
import { ErrorDevice, type Fault } from '../../device/filters/error-device.js';
import { type Blocks, OverlayDevice } from '../../device/filters/overlay-device.js';
import { RecordingDevice } from '../../device/filters/recording-device.js';
import { MemoryVolume } from '../../undo/memory-volume.js';
import { mountVolume } from '../../undo/volume.js';
import { lendDevice } from '../open-device.js';
import type { UndoPlace } from '../undo-files.js';
import { firstChanged, type Shown } from './numbered-main.js';
import { activeSpare } from './pair.js';

/** A spare and its state directory before a piece of work. */
export interface Start {
  /** For people: "redundant, stale primary, 4Kn". */
  readonly name: string;
  /** Only read. */
  readonly device: BlockDevice;
  /** Logical blocks in which the spare differs from `device`. */
  readonly blocks?: Blocks;
  /** The undo files in the state directory. */
  readonly cells?: ReadonlyMap<CellKey, CellValue>;
  /** For what the work leaves to chance. */
  readonly seed?: number;
  /** What of the spare cannot be written. */
  readonly faults?: readonly Fault[];
  /** The main of the set, where the work asks for one. */
  readonly main?: BlockDevice;
  /** Sectors in which main differs from `main`, where it is written to. */
  readonly mainBlocks?: Blocks;
  /** What sectors of the remapped device show, whatever happens: main is a medium then, whose power is cut too. */
  readonly shown?: Shown;
  /** The spare that the set is moved to, a medium of its own; only where main is one. */
  readonly target?: BlockDevice;
  readonly targetBlocks?: Blocks;
}

/** The names under which operations know the devices and the state directory of a stage. */
const SPARE = '/selftest/spare';
const MAIN = '/selftest/main';
const TARGET = '/selftest/target';
const STATE_FOLDER = '/selftest/state';

/** Unix seconds of every commit: a seed repeats everything. */
export const NOW = 1_750_000_000n;

/**
 * A start on which work is done, in memory, with every write recorded. There is one stage at a time: they
 * share their names.
 */
export class Stage {
  readonly path = SPARE;
  /** Undefined where the start has none. */
  readonly main: string | undefined;
  /** Of the spare that a set is moved to; there is none where the start has none. */
  readonly target = TARGET;
  readonly undo: UndoPlace = { surroundings: { environment: { DMREMAP_STATE_DIR: STATE_FOLDER } } };
  readonly now = NOW;
  /** The spare as a program sees it. */
  readonly device: BlockDevice;
  readonly recording: Recording;
  /** The same draws in every run from this start. */
  readonly dice: Dice;
  readonly #overlay: OverlayDevice;
  readonly #volume: MemoryVolume;
  readonly #start: Start;
  readonly #main: OverlayDevice | undefined;
  /** Main as a program sees it. */
  readonly #mainDevice: BlockDevice | undefined;
  readonly #target: OverlayDevice | undefined;
  readonly #targetDevice: BlockDevice | undefined;
  #promise: () => Promise<void> = async () => {};

  private constructor(start: Start, recording: Recording) {
    this.recording = recording;
    this.main = start.main === undefined ? undefined : MAIN;
    this.dice = new Dice(start.seed ?? 0);
    this.#overlay = new OverlayDevice(start.device, start.blocks);
    const faulty = new ErrorDevice(new RecordingDevice(this.#overlay, recording));
    for (const fault of start.faults ?? []) faulty.addFault(fault);
    this.device = faulty;
    this.#volume = new MemoryVolume(recording, start.cells);
    this.#start = start;
    const isMedium = start.main !== undefined && start.shown !== undefined;
    this.#main = isMedium ? new OverlayDevice(start.main, start.mainBlocks) : undefined;
    this.#mainDevice = this.#main === undefined ? start.main : new RecordingDevice(this.#main, recording);
    if (start.target === undefined) return;
    this.#target = new OverlayDevice(start.target, start.targetBlocks);
    this.#targetDevice = new RecordingDevice(this.#target, recording);
  }

  /** Does the work on this start. `promised` is called whenever somebody is told that a commit is durable. */
  static async run<Result>(
    start: Start,
    recording: Recording,
    work: (stage: Stage) => Promise<Result>,
    promised: (stage: Stage) => Promise<void> = async () => {},
  ): Promise<Result> {
    const stage = new Stage(start, recording);
    stage.#promise = () => promised(stage);
    const leave = [lendDevice(SPARE, stage.device), mountVolume(STATE_FOLDER, stage.#volume)];
    for (const [name, device] of [
      [MAIN, stage.#mainDevice],
      [TARGET, stage.#targetDevice],
    ] as const)
      if (device !== undefined) leave.push(lendDevice(name, device));
    try {
      return await work(stage);
    } finally {
      for (const one of leave) one();
    }
  }

  /** A commit is told to be durable: from here on nothing older may be found. */
  async answer(): Promise<void> {
    await this.#promise();
    this.recording.answer();
  }

  get hasTarget(): boolean {
    return this.#target !== undefined;
  }

  /** Why the remapped device does not show what it did at the start; undefined where it does, or nobody asks. */
  async complaint(): Promise<string | undefined> {
    const { shown } = this.#start;
    if (this.#main === undefined || shown === undefined) return undefined;
    const spare = this.#target === undefined ? this.#overlay : await activeSpare(this.#overlay, this.#target);
    if (spare === undefined) return 'neither of the two spares is the active one';
    const sector = await firstChanged(spare, this.#main, shown);
    return sector === undefined ? undefined : `sector ${sector} of the remapped device shows something else`;
  }

  /** What lies on the media now, as the start of other work. */
  asStart(name: string): Start {
    const { main, shown, target } = this.#start;
    const medium = this.#main;
    return {
      ...(target === undefined || this.#target === undefined
        ? {}
        : { target, targetBlocks: this.#target.blocks }),
      ...(main !== undefined && medium !== undefined && shown !== undefined
        ? { main, mainBlocks: medium.blocks, shown }
        : {}),
      name,
      device: this.#overlay.inner,
      blocks: this.#overlay.blocks,
      cells: this.#volume.cells,
    };
  }
}

/** What a power cut left of a piece of work on this start. */
export function startFrom(start: Start, outcome: Outcome): Start {
  const [spare = new Map(), folder = new Map(), main, target] = outcome;
  return {
    ...start,
    blocks: withCells(start.blocks, spare),
    cells: new Map([...(start.cells ?? []), ...folder]),
    ...(main === undefined ? {} : { mainBlocks: withCells(start.mainBlocks, main) }),
    ...(target === undefined ? {} : { targetBlocks: withCells(start.targetBlocks, target) }),
  };
}

function withCells(blocks: Blocks | undefined, cells: ReadonlyMap<CellKey, CellValue>): Blocks {
  const whole = new Map(blocks);
  for (const [key, value] of cells)
    if (typeof key === 'number' && value instanceof Uint8Array) whole.set(key, value);
  return whole;
}
