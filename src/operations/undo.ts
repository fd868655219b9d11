import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { identify } from '../device/identity.js';
import { readPastCache } from '../device/past-cache.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { hasExtension, isRedundant } from '../format/header.js';
import { chooseCopy } from '../store/choose.js';
import { loadCopies, readTable } from '../store/load.js';
import { carryOut } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo, type SavedUndo } from '../undo/reader.js';
import { compareWithUndo, putBackPhases } from '../undo/verify.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { withDevice } from './open-device.js';
import { type FoundUndo, findUndoFiles, spareIdentity } from './undo-files.js';

export interface UndoCommandOptions extends ChangeOptions {
  /** This undo file instead of the newest one of the spare. */
  readonly from: string | undefined;
  /** Main, for comparing the data that would be hidden with the data that would be shown. */
  readonly main: string | undefined;
}

/** The undo files of a spare, newest first (dmremap undo --list). Reads only. */
export function listUndoFiles(path: string): Promise<FoundUndo[]> {
  return withDevice(path, 'read', (device) => filesOf(device));
}

async function filesOf(device: FileDevice, { surroundings }: UndoPlace = {}): Promise<FoundUndo[]> {
  const { chosen } = chooseCopy(await loadCopies(device));
  const uuid = chosen !== undefined && hasExtension(chosen.header) ? chosen.header.spare_uuid : undefined;
  return findUndoFiles(stateFolder(surroundings), spareIdentity(device, await identify(device), uuid));
}

/**
 * Puts back, byte for byte, what an undo file saved (dmremap undo). The bytes that this overwrites are saved
 * in an undo file of their own.
 *
 * @throws DmremapError `undo-unavailable` (there is none, or it is damaged), `changed-since` (the device holds
 * something else by now, or a live entry would be dropped, added or pointed elsewhere and its data differs)
 */
export function undoSpare(path: string, options: UndoCommandOptions): Promise<ChangeResult> {
  return withDevice(path, 'exclusive', async (device) => {
    const undo = await openNewest(device, options);
    try {
      await refuseChanged(device, undo);
      const phases = await putBackPhases(undo, 'spare');
      const after = new OverlayDevice(device);
      await carryOut(after, phases);
      const [now, then] = [await liveRemaps(device), await liveRemaps(after)];
      await refuseOtherData(device, now.remaps, then.remaps, options.main);
      const { description } = undo;
      const plan: ChangePlan = {
        command: 'undo',
        device: await describeDevice(device),
        before: now.says,
        after: `${then.says}, as before “${description.command}” (${undo.path})`,
        phases,
        warnings: [],
        destroys: false,
        singleCopy: !now.redundant,
      };
      const named = {
        spareUuid: description.spare.spareUuid,
        setUuid: undefined,
        generation: now.generation,
      };
      return await change(device, plan, named, options, async () => {
        if ((await compareWithUndo(undo, 'spare', device)).standing !== 'before')
          throw new DmremapError('io', `${path}: what was put back does not read back right`);
      });
    } finally {
      await undo.close();
    }
  });
}

async function openNewest(device: FileDevice, { from, undo: place }: UndoCommandOptions): Promise<SavedUndo> {
  const path = from ?? (await filesOf(device, place)).find(({ state }) => state !== 'damaged')?.path;
  if (path === undefined)
    throw new DmremapError(
      'undo-unavailable',
      `there is no undo file of ${device.path} in ${stateFolder(place.surroundings)}`,
      {
        hint: 'name one with --from',
      },
    );
  const undo = await openUndo(path);
  if (isRefusal(undo)) throw new DmremapError('undo-unavailable', `${path}: ${undo.message}`);
  return undo;
}

async function refuseChanged(device: FileDevice, undo: SavedUndo): Promise<void> {
  const { standing, changed, firstChanged } = await compareWithUndo(undo, 'spare', device);
  if (standing === 'before')
    throw new DmremapError('changed-since', `${device.path} already holds what ${undo.path} would put back`);
  if (standing === 'changed')
    throw new DmremapError(
      'changed-since',
      `${device.path} has changed since: ${changed} sectors hold something else, the first at byte ${firstChanged}`,
      { hint: 'changes are undone one by one, the newest first: dmremap undo --list shows them' },
    );
}

interface Remaps {
  readonly remaps: ReadonlyMap<number, number>;
  readonly redundant: boolean;
  readonly generation: number;
  readonly says: string;
}

async function liveRemaps(device: FileDevice | OverlayDevice): Promise<Remaps> {
  const { chosen } = chooseCopy(await loadCopies(device));
  if (chosen === undefined)
    return { remaps: new Map(), redundant: false, generation: 0, says: 'no metadata that counts' };
  const table = await readTable(device, chosen);
  const { header } = chosen;
  return {
    remaps: mapOf(table),
    redundant: isRedundant(header),
    generation: header.generation,
    says: `${header.entry_count} entries, generation ${header.generation}`,
  };
}

function mapOf(table: RemapTable): Map<number, number> {
  return new Map(Array.from(table.live(), (index) => [table.mainSector(index), table.spareSector(index)]));
}

/** A sector of the remapped device that would come from another place must hold the same data there. */
async function refuseOtherData(
  spare: FileDevice,
  now: ReadonlyMap<number, number>,
  then: ReadonlyMap<number, number>,
  main: string | undefined,
): Promise<void> {
  const moved = [...new Set([...now.keys(), ...then.keys()])].filter(
    (sector) => now.get(sector) !== then.get(sector),
  );
  const [first] = moved;
  if (first === undefined) return;
  const what = `${moved.length} sectors of main would come from another place, the first is ${first}`;
  if (main === undefined)
    throw new DmremapError('changed-since', `${spare.path}: ${what}`, {
      hint: 'with --main MAIN it is allowed where the data hidden and the data shown are equal',
    });
  await withDevice(main, 'read', async (device) => {
    const read = async (map: ReadonlyMap<number, number>, sector: number) => {
      const at = map.get(sector);
      return at === undefined ? readSector(device, sector) : readSector(spare, at);
    };
    for (const sector of moved)
      if (Buffer.compare(await read(now, sector), await read(then, sector)) !== 0)
        throw new DmremapError(
          'changed-since',
          `${spare.path}: ${what}, and the data of sector ${sector} differs`,
          {
            data: { main_sector: sector },
          },
        );
  });
}

async function readSector(device: FileDevice, sector: number): Promise<Uint8Array> {
  const block = new Uint8Array(SECTOR_SIZE);
  const at: Bytes = bytes(sector * SECTOR_SIZE);
  await readPastCache(device, at, block);
  return block;
}
