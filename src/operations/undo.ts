import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { identify } from '../device/identity.js';
import { readPastCache } from '../device/past-cache.js';
import { DmremapError } from '../errors.js';
import { RemapTable } from '../format/entry.js';
import { type Header, hasExtension, isRedundant } from '../format/header.js';
import { type Choice, chooseCopy } from '../store/choose.js';
import type { Content } from '../store/content.js';
import type { Copy } from '../store/copy.js';
import { entryDifferences } from '../store/difference.js';
import { loadCopies } from '../store/load.js';
import { type LoadedChoice, loadChoice } from '../store/load-choice.js';
import { carryOut } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo, type SavedUndo } from '../undo/reader.js';
import { compareWithUndo, putBackPhases } from '../undo/verify.js';
import { bytes, SECTOR_SIZE } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { attachedMains, type MainChoice, resolveMain } from './main-device.js';
import { moduleImageOn } from './module-evidence.js';
import { withDevice } from './open-device.js';
import { planPutBack } from './put-back/plan.js';
import { type FoundUndo, findUndoFiles, spareIdentity } from './undo-files.js';

/** `main`: for comparing the data that would be hidden with the data that would be shown. */
export interface UndoCommandOptions extends ChangeOptions, MainChoice {
  /** This undo file instead of the newest one of the spare. */
  readonly from: string | undefined;
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
      refuseMigration(path, undo);
      refuseMainOnly(path, undo);
      await refuseChanged(device, undo);
      const inReverse = await putBackPhases(undo, 'spare');
      const after = new OverlayDevice(device);
      await carryOut(after, inReverse);
      const [now, then] = [await standingOf(device), await standingOf(after)];
      const phases = await planPutBack(device, inReverse, now.loaded, then.loaded);
      // nothing is live on a set that its change has left torn
      if (undo.state === 'finished' || now.header !== undefined)
        await refuseOtherData([device, now], [after, then], options);
      const { description } = undo;
      const plan: ChangePlan = {
        command: 'undo',
        device: await describeDevice(device),
        before: say(now),
        after: `${say(then)}, as before “${description.command}” (${undo.path})`,
        phases,
        warnings: [],
        destroys: false,
        singleCopy: now.header === undefined || !isRedundant(now.header),
      };
      const named = {
        spareUuid: description.spare.spareUuid,
        setUuid: undefined,
        generation: now.header?.generation ?? 0,
      };
      const header = now.header ?? then.header;
      const avoid = header === undefined ? [] : await attachedMains(header);
      return await change(device, plan, named, { ...options, undo: { ...options.undo, avoid } }, async () => {
        if ((await compareWithUndo(undo, 'spare', device)).standing !== 'before')
          throw new DmremapError('io', `${path}: what was put back does not read back right`);
      });
    } finally {
      await undo.close();
    }
  });
}

/**
 * The newest undo file that has something to put back: one whose change never came about, or was taken back by
 * `check`, has not. Where all are such, the newest.
 */
async function openNewest(device: FileDevice, { from, undo: place }: UndoCommandOptions): Promise<SavedUndo> {
  if (from !== undefined) return openWhole(from);
  const [newest, ...older] = (await filesOf(device, place)).filter(({ state }) => state !== 'damaged');
  if (newest === undefined)
    throw new DmremapError(
      'undo-unavailable',
      `there is no undo file of ${device.path} in ${stateFolder(place.surroundings)}`,
      { hint: 'name one with --from' },
    );
  for (const { path } of [newest, ...older]) {
    const undo = await openWhole(path);
    if ((await compareWithUndo(undo, 'spare', device)).standing !== 'before') return undo;
    await undo.close();
  }
  return openWhole(newest.path);
}

async function openWhole(path: string): Promise<SavedUndo> {
  const undo = await openUndo(path);
  if (isRefusal(undo)) throw new DmremapError('undo-unavailable', `${path}: ${undo.message}`);
  return undo;
}

/** The set has another active spare by now, or is about to. */
function refuseMigration(path: string, { path: file, description }: SavedUndo): void {
  if (description.command !== 'migrate') return;
  throw new DmremapError('undo-unavailable', `${path} was written by a migration (${file})`, {
    hint: 'a migration is taken back by dmremap migrate FROM TO --rollback alone',
  });
}

/** The first of the two files of unremap. */
function refuseMainOnly(
  path: string,
  { path: file, description: { blocks, command, main } }: SavedUndo,
): void {
  if (blocks.length === 0 || blocks.some(({ device }) => device === 'spare')) return;
  throw new DmremapError(
    'undo-unavailable',
    `${file} holds what ${command} overwrote on main (${main?.name ?? 'not named'}), and nothing of ${path}`,
    {
      hint: 'while the sectors are remapped nobody reads main there; without --from the entries are put back',
    },
  );
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

/** What counts on the device, now or once the saved bytes are back. */
interface Standing {
  readonly loaded: LoadedChoice;
  /** Undefined where no copy is valid. */
  readonly header: Header | undefined;
  readonly table: RemapTable;
}

async function standingOf(device: BlockDevice): Promise<Standing> {
  const loaded = await loadChoice(device);
  const { choice, copies, table = new RemapTable(new Uint8Array(0)) } = loaded;
  if (choice.chosen !== undefined) return { loaded, header: choice.chosen.header, table };
  const module = await certainModuleImage(device, copies.primary, choice);
  return module === undefined
    ? { loaded, header: undefined, table }
    : { loaded, header: module.header, table: module.table };
}

/** The entries of the kernel module, as they are known before and after a conversion or a repair. */
async function certainModuleImage(
  device: BlockDevice,
  primary: Copy,
  choice: Choice,
): Promise<Content | undefined> {
  const image = await moduleImageOn(device, { primary, choice, mainSize: undefined, told: true });
  return image === undefined || image.standing === 'guess' ? undefined : image.content;
}

function say({ header }: Standing): string {
  if (header === undefined) return 'no metadata that counts';
  return `${header.entry_count} entries, generation ${header.generation}`;
}

/**
 * A sector of the remapped device that would come from another place must hold the same data there.
 *
 * @throws DmremapError `changed-since` where it does not, or where no main was named; as resolveMain
 */
async function refuseOtherData(
  [spare, now]: readonly [FileDevice, Standing],
  [after, then]: readonly [BlockDevice, Standing],
  choice: MainChoice,
): Promise<void> {
  const moved = entryDifferences(now.table, then.table);
  const [first] = moved;
  if (first === undefined) return;
  const what = `${moved.length} sectors of main would come from another place, the first is ${first.main}`;
  if (choice.main === undefined)
    throw new DmremapError('changed-since', `${spare.path}: ${what}`, {
      hint: 'with --main MAIN it is allowed where the data hidden and the data shown are equal',
    });
  let path = choice.main;
  for (const { header, table } of [now, then])
    if (header !== undefined && table.count > 0) ({ path } = await resolveMain(spare, header, choice));
  await withDevice(path, 'read', async (main) => {
    for (const { main: sector, from, to } of moved) {
      const hidden = await readSector(from === undefined ? main : spare, from ?? sector);
      const shown = await readSector(to === undefined ? main : after, to ?? sector);
      if (Buffer.compare(hidden, shown) !== 0)
        throw new DmremapError(
          'changed-since',
          `${spare.path}: ${what}, and the data of sector ${sector} differs`,
          { data: { main_sector: sector } },
        );
    }
  });
}

async function readSector(device: BlockDevice, sector: bigint): Promise<Uint8Array> {
  const block = new Uint8Array(SECTOR_SIZE);
  await readPastCache(device, bytes(Number(sector) * SECTOR_SIZE), block);
  return block;
}
