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
import { carryOut, type Phase } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo, type SavedUndo } from '../undo/reader.js';
import { type Comparison, compareWithUndo, putBackPhases } from '../undo/verify.js';
import { bytes, SECTOR_SIZE } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { attachedMains, type MainChoice, resolveMain } from './main-device.js';
import { moduleImageOn } from './module-evidence.js';
import { withDevice } from './open-device.js';
import { planPutBack } from './put-back/plan.js';
import { unchanged } from './unchanged.js';
import { type FoundUndo, findUndoFiles, spareIdentity } from './undo-files.js';
import { changeWithMain, differsOnMain, holdsMain, planOnMain, stepsWithMain } from './undo-main.js';

/** `main`: for comparing the data that would be hidden with the data that would be shown, and to put back its bytes. */
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
 * @throws DmremapError `undo-unavailable` (there is none, or it is damaged), `changed-since` (a device holds
 * something else by now, or a live entry would be dropped, added or pointed elsewhere and its data differs), `io`
 * where main does not take what it held
 */
export function undoSpare(path: string, options: UndoCommandOptions): Promise<ChangeResult> {
  return withDevice(path, 'exclusive', async (spare) => {
    const undo = await openNewest(spare, options);
    try {
      refuseMigration(path, undo);
      const onSpare = await lookAt(spare, undo);
      refuseWithoutMain(path, undo, onSpare, options);
      if (options.main === undefined) return await putBack(spare, undefined, undo, onSpare, options);
      for (const { header, table } of [onSpare.now, onSpare.then])
        if (header !== undefined && (table.count > 0 || holdsMain(undo)))
          await resolveMain(spare, header, options);
      const mode = holdsMain(undo) ? 'exclusive' : 'read';
      return await withDevice(options.main, mode, (main) => putBack(spare, main, undo, onSpare, options));
    } finally {
      await undo.close();
    }
  });
}

/** What the undo file would do to the spare. */
interface OnSpare {
  readonly standing: Comparison['standing'];
  /** The saved bytes in reverse order of the change. */
  readonly inReverse: readonly Phase[];
  /** The spare with these written. */
  readonly after: BlockDevice;
  readonly now: Standing;
  readonly then: Standing;
}

async function lookAt(spare: FileDevice, undo: SavedUndo): Promise<OnSpare> {
  const { standing } = await unchanged(undo, 'spare', spare);
  const inReverse = standing === 'before' ? [] : await putBackPhases(undo, 'spare');
  const after = new OverlayDevice(spare);
  await carryOut(after, inReverse);
  const [now, then] = [await standingOf(spare), await standingOf(after)];
  return { standing, inReverse, after, now, then };
}

/** Nothing is live on a set that its change has left torn: main is asked for nothing then. */
function isTorn(undo: SavedUndo, { now }: OnSpare): boolean {
  return undo.state === 'unfinished' && now.header === undefined;
}

function refuseWithoutMain(
  path: string,
  undo: SavedUndo,
  onSpare: OnSpare,
  { main }: UndoCommandOptions,
): void {
  if (main !== undefined || !holdsMain(undo) || isTorn(undo, onSpare)) return;
  const { command, main: saved } = undo.description;
  throw new DmremapError(
    'undo-unavailable',
    `${undo.path} holds what ${command} overwrote on ${path} and on main (${saved?.name ?? 'not named'})`,
    { hint: 'name main with --main MAIN' },
  );
}

async function putBack(
  spare: FileDevice,
  main: FileDevice | undefined,
  undo: SavedUndo,
  onSpare: OnSpare,
  options: UndoCommandOptions,
): Promise<ChangeResult> {
  const { inReverse, standing, after, now, then } = onSpare;
  const onMain = main === undefined ? undefined : await planOnMain(undo, main, now.table, then.table);
  if (standing === 'before' && onMain === undefined)
    throw new DmremapError('changed-since', `${spare.path} already holds what ${undo.path} would put back`);
  if (!isTorn(undo, onSpare)) await refuseOtherData([spare, main, now], [after, onMain?.after ?? main, then]);
  const phases = await planPutBack(spare, inReverse, now.loaded, then.loaded);
  const { description } = undo;
  const plan: ChangePlan = {
    command: 'undo',
    device: await describeDevice(spare),
    ...(onMain === undefined
      ? {}
      : { main: await describeDevice(onMain.device), steps: stepsWithMain(phases, onMain) }),
    before: say(now),
    after: `${say(then)}, as before “${description.command}” (${undo.path})`,
    phases,
    warnings: [],
    destroys: onMain !== undefined,
    singleCopy: now.header === undefined || !isRedundant(now.header),
  };
  const named = {
    spareUuid: description.spare.spareUuid,
    setUuid: undefined,
    generation: now.header?.generation ?? 0,
  };
  const header = now.header ?? then.header;
  const avoid = header === undefined ? [] : await attachedMains(header);
  const saving = { ...options, undo: { ...options.undo, avoid } };
  const verify = async (): Promise<void> => {
    if ((await compareWithUndo(undo, 'spare', spare)).standing !== 'before')
      throw new DmremapError('io', `${spare.path}: what was put back does not read back right`);
  };
  if (onMain === undefined) return change(spare, plan, named, saving, verify);
  return changeWithMain(spare, onMain, plan, named, saving, verify);
}

/**
 * The newest undo file that has something to put back: one whose change never came about, or was taken back by
 * `check`, has not. Where all are such, the newest.
 */
async function openNewest(
  spare: FileDevice,
  { from, undo: place, main }: UndoCommandOptions,
): Promise<SavedUndo> {
  if (from !== undefined) return openWhole(from);
  const [newest, ...older] = (await filesOf(spare, place)).filter(({ state }) => state !== 'damaged');
  if (newest === undefined)
    throw new DmremapError(
      'undo-unavailable',
      `there is no undo file of ${spare.path} in ${stateFolder(place.surroundings)}`,
      { hint: 'name one with --from' },
    );
  for (const { path } of [newest, ...older]) {
    const undo = await openWhole(path);
    if ((await compareWithUndo(undo, 'spare', spare)).standing !== 'before') return undo;
    if (main !== undefined && (await differsOnMain(undo, main))) return undo;
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
 * @param now the devices as they are, `then` as they would be; main where one was named
 * @throws DmremapError `changed-since` where it does not, or where no main was named
 */
async function refuseOtherData(
  [spare, main, now]: readonly [FileDevice, BlockDevice | undefined, Standing],
  [spareThen, mainThen, then]: readonly [BlockDevice, BlockDevice | undefined, Standing],
): Promise<void> {
  const moved = entryDifferences(now.table, then.table);
  const [first] = moved;
  if (first === undefined) return;
  const what = `${moved.length} sectors of main would come from another place, the first is ${first.main}`;
  if (main === undefined || mainThen === undefined)
    throw new DmremapError('changed-since', `${spare.path}: ${what}`, {
      hint: 'with --main MAIN it is allowed where the data hidden and the data shown are equal',
    });
  for (const { main: sector, from, to } of moved) {
    const hidden = await readSector(from === undefined ? main : spare, from ?? sector);
    const shown = await readSector(to === undefined ? mainThen : spareThen, to ?? sector);
    if (Buffer.compare(hidden, shown) !== 0)
      throw new DmremapError(
        'changed-since',
        `${spare.path}: ${what}, and the data of sector ${sector} differs`,
        { data: { main_sector: sector } },
      );
  }
}

async function readSector(device: BlockDevice, sector: bigint): Promise<Uint8Array> {
  const block = new Uint8Array(SECTOR_SIZE);
  await readPastCache(device, bytes(Number(sector) * SECTOR_SIZE), block);
  return block;
}
