import type { Dice } from '../../device/crash/dice.js';
import type { FileDevice } from '../../device/file-device.js';
import { identify } from '../../device/identity.js';
import { DmremapError } from '../../errors.js';
import { plainGeometry } from '../../format/geometry.js';
import { hasExtension, STATE } from '../../format/header.js';
import type { Content } from '../../store/content.js';
import type { Write } from '../../store/phase.js';
import type { Change, NewEntry } from '../../store/step.js';
import { wholeBlocks } from '../../store/whole-blocks.js';
import { MetadataWriter } from '../../store/writer.js';
import { bytes, SECTOR_SIZE, type Sectors } from '../../units.js';
import { examine, settle } from '../check.js';
import { withDevice } from '../open-device.js';
import { withUndo } from '../undo-files.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** The commits of a running server and of `remap` and `unremap`, on a spare that was recovered as theirs is. */

/** How many entries a burst of remaps makes. */
const MANY = 40;

export function appendOne(): Work {
  return commits([(content, dice) => appending(content, 1, dice)]);
}

export function appendMany(): Work {
  return commits([(content, dice) => appending(content, MANY, dice)]);
}

export function removeSome(): Work {
  return commits([
    (content, dice) => {
      const slots = [slotOf(content, dice), 0];
      return { change: { remove: slots.filter((slot) => slot < content.table.count) } };
    },
  ]);
}

/** The freed sector is taken again by the next commit, which writes other data into it. */
export function removeAndReuse(): Work {
  let freed = 0;
  return commits([
    ({ table }, dice) => {
      if (table.count === 0) return { change: {} };
      const slot = dice.below(table.count);
      freed = table.spareSector(slot);
      return { change: { remove: [slot] } };
    },
    (content, dice) => {
      if (freed === 0) return { change: {} };
      return {
        change: { append: [[freeMain(content, 1)[0] ?? 0, freed]] },
        data: new Map([[freed, dice.bytes(SECTOR_SIZE)]]),
      };
    },
  ]);
}

/** An entry is pointed at another sector, with the data that is there by then. */
export function edit(): Work {
  return commits([
    (content, dice) => {
      const slot = slotOf(content, dice);
      const [spare] = freeSpares(content, 1);
      if (spare === undefined || slot >= content.table.count) return { change: {} };
      const entry: NewEntry = [content.table.mainSector(slot), spare];
      return {
        change: { edit: new Map([[slot, entry]]) },
        data: new Map([[spare, dice.bytes(SECTOR_SIZE)]]),
      };
    },
  ]);
}

/** As a server sets it when it begins and when it ends. */
export function changeState(): Work {
  const to = (state: number) => () => ({ change: { header: { state } } });
  return commits([to(STATE.dirty), to(STATE.clean)]);
}

interface Planned {
  readonly change: Change;
  /** Of new entries, by their spare sectors. */
  readonly data?: ReadonlyMap<number, Uint8Array>;
}

type Plan = (content: Content, dice: Dice) => Planned;

function commits(plans: readonly Plan[]): Work {
  return async (stage) => {
    await recoverFirst(stage);
    await withDevice(stage.path, 'exclusive', async (device) => {
      const named = { spareUuid: undefined, setUuid: undefined, generation: 0 };
      const options = { command: 'commit', now: stage.now, place: stage.undo, ...named };
      const identity = await identify(device);
      const writer = await MetadataWriter.open(device, {
        guard: async (phases, work) =>
          (await withUndo(device, phases, { ...options, identity, ...identityOf(writer) }, work)).result,
      });
      for (const plan of plans) {
        await commitOne(stage, device, writer, plan(writer.content, stage.dice));
        await stage.answer();
      }
    });
  };
}

/** As on any activation. What a failure says of it is not said of the commits, which have not begun. */
async function recoverFirst(stage: Stage): Promise<void> {
  const options = { mode: 'preen', now: stage.now, undo: stage.undo } as const;
  try {
    await settle(await examine(stage.path, options), options);
  } catch (error) {
    if (!(error instanceof DmremapError)) throw error;
    throw new DmremapError(error.code, `recovery: ${error.message}`, { cause: error });
  }
}

async function commitOne(
  stage: Stage,
  device: FileDevice,
  writer: MetadataWriter,
  { change, data = new Map() }: Planned,
): Promise<void> {
  const outcome = await writer.commit(change, stage.now, await wholeBlocks(device, writesOf(data)));
  if (outcome.kind === 'failed' || outcome.kind === 'unknown') throw outcome.failure;
}

function writesOf(data: ReadonlyMap<number, Uint8Array>): Write[] {
  return Array.from(data, ([sector, content]) => ({ at: bytes(sector * SECTOR_SIZE), bytes: content }));
}

/** What the undo file is found by. */
function identityOf({ content: { header } }: MetadataWriter) {
  return { spareUuid: hasExtension(header) ? header.spare_uuid : undefined, generation: header.generation };
}

function slotOf({ table }: Content, dice: Dice): number {
  return 1 + dice.below(Math.max(1, table.count - 1));
}

function appending(content: Content, wanted: number, dice: Dice): Planned {
  const room = content.header.max_entries - content.table.count;
  const spares = freeSpares(content, Math.min(wanted, room));
  const mains = freeMain(content, spares.length);
  return {
    change: { append: spares.map((spare, index): NewEntry => [mains[index] ?? 0, spare]) },
    data: new Map(spares.map((spare) => [spare, dice.bytes(SECTOR_SIZE)])),
  };
}

/** The first sectors of the data area that no entry uses. */
function freeSpares({ header, table }: Content, count: number): number[] {
  const { data_start, data_sectors } = hasExtension(header)
    ? header
    : plainGeometry(Number(header.spare_device_size) as Sectors, header.max_entries);
  const used = new Set(Array.from(table.live(), (index) => table.spareSector(index)));
  return firstFree(Number(data_start), Number(data_start) + Number(data_sectors), used, count);
}

/** The first sectors of main that are not remapped. */
function freeMain({ header, table }: Content, count: number): number[] {
  const used = new Set(Array.from(table.live(), (index) => table.mainSector(index)));
  return firstFree(0, Number(header.main_device_size), used, count);
}

function firstFree(from: number, to: number, used: ReadonlySet<number>, count: number): number[] {
  const free: number[] = [];
  for (let sector = from; sector < to && free.length < count; sector++)
    if (!used.has(sector)) free.push(sector);
  return free;
}
