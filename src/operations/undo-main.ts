import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { carryOut, type Phase, type Write } from '../store/phase.js';
import { wholeBlocks } from '../store/whole-blocks.js';
import type { SavedUndo } from '../undo/reader.js';
import { putBackPhases } from '../undo/verify.js';
import { bytesToSectors, SECTOR_SIZE } from '../units.js';
import { type ChangePlan, type ChangeResult, change } from './change.js';
import { withDevice } from './open-device.js';
import { unchanged } from './unchanged.js';
import { asWritten, writeBack } from './write-back.js';

/**
 * What an undo file holds of main, as `unremap` overwrote it. Main's bytes change only while their sectors are
 * remapped, so that the remapped device shows the same all the while: where the entries come back, behind them;
 * where they go (an undo is undone), before them.
 */

/** What is put back on main, and when. */
export interface OnMain {
  readonly device: FileDevice;
  readonly phase: Phase;
  /** Main with that written. */
  readonly after: BlockDevice;
  /** Before the spare is changed, or behind it. */
  readonly isFirst: boolean;
}

export function holdsMain({ description }: SavedUndo): boolean {
  return description.blocks.some(({ device }) => device === 'main');
}

/** Whether an undo file has something to put back on the main at this path. */
export async function differsOnMain(undo: SavedUndo, path: string): Promise<boolean> {
  if (!holdsMain(undo)) return false;
  return withDevice(path, 'read', async (main) => (await differing(main, await savedOf(undo))).length > 0);
}

/**
 * @param now the remaps as they are, `then` as they will be
 * @returns undefined where main holds all of it already
 * @throws DmremapError `changed-since` where main holds something else by now than was written there, or where a
 * sector would show something else
 */
export async function planOnMain(
  undo: SavedUndo,
  main: FileDevice,
  now: RemapTable,
  then: RemapTable,
): Promise<OnMain | undefined> {
  if (!holdsMain(undo)) return undefined;
  const saved = await savedOf(undo);
  await unchanged(undo, 'main', main);
  const sectors = await differing(main, saved);
  if (sectors.length === 0) return undefined;
  const isFirst = !areRemapped(sectors, then);
  if (isFirst && !areRemapped(sectors, now))
    throw new DmremapError(
      'changed-since',
      `${main.path}: with what ${undo.path} holds of it, sectors that are not remapped would show other data`,
    );
  const writes = await wholeBlocks(main, saved);
  const what = sectors.length === 1 ? '1 sector' : `${sectors.length} sectors`;
  const phase = { purpose: `put back ${what} of main`, writes };
  const after = new OverlayDevice(main);
  await carryOut(after, [phase]);
  return { device: main, phase, after, isFirst };
}

async function savedOf(undo: SavedUndo): Promise<Write[]> {
  return (await putBackPhases(undo, 'main')).flatMap((phase) => phase.writes);
}

/** The sectors of which a device holds something else; what cannot be read does. */
async function differing(device: BlockDevice, writes: readonly Write[]): Promise<number[]> {
  const found: number[] = [];
  for (const { at, bytes: content } of writes) {
    const lying = new Uint8Array(content.length);
    const bad = await readAround(device, at, lying);
    for (let from = 0; from < content.length; from += SECTOR_SIZE) {
      const isBad = bad.some((range) => at + from >= range.at && at + from < range.at + range.length);
      const sector = lying.subarray(from, from + SECTOR_SIZE);
      if (isBad || Buffer.compare(sector, content.subarray(from, from + SECTOR_SIZE)) !== 0)
        found.push(bytesToSectors(at + from));
    }
  }
  return found;
}

function areRemapped(sectors: readonly number[], table: RemapTable): boolean {
  const remapped = new Set(Array.from(table.live(), (slot) => table.mainSector(slot)));
  return sectors.every((sector) => remapped.has(sector));
}

export function stepsWithMain(phases: readonly Phase[], { phase, isFirst }: OnMain): string[] {
  return (isFirst ? [phase, ...phases] : [...phases, phase]).map(({ purpose }) => purpose);
}

/**
 * Puts back both. Where main does not take all of it the entries stay, or are there again: they hide what main
 * holds.
 *
 * @param verify of the spare, once it is put back
 * @throws DmremapError `io` where main does not take all of it; as change
 */
export async function changeWithMain(
  spare: FileDevice,
  { device: main, phase, isFirst }: OnMain,
  plan: ChangePlan,
  identity: Parameters<typeof change>[2],
  options: Parameters<typeof change>[3],
  verify: () => Promise<void>,
): Promise<ChangeResult> {
  let refused: ReadonlySet<number> = new Set();
  const target = { device: main, identity: (plan.main ?? plan.device).identity, phases: [phase] };
  const partOf = { before: isFirst, behind: !isFirst };
  const work = async (): Promise<void> => {
    if (!isFirst) await carryOut(spare, plan.phases, { partOf });
    refused = await writeBack(await asWritten(main), phase.writes);
    if (isFirst && refused.size === 0) await carryOut(spare, plan.phases, { partOf });
  };
  const isPutBack = () => refused.size === 0 || !isFirst;
  const result = await change(
    spare,
    plan,
    identity,
    options,
    async () => {
      if (isPutBack()) await verify();
    },
    { main: target, work },
  );
  if (refused.size > 0) throw notTaken(main, spare, [...refused], isFirst, result.undoFile);
  return result;
}

function notTaken(
  main: FileDevice,
  spare: FileDevice,
  refused: readonly number[],
  isFirst: boolean,
  undoFile: string | undefined,
): DmremapError {
  const first = Math.min(...refused);
  const stands = isFirst
    ? `nothing of ${spare.path} is put back: they stay remapped`
    : `${spare.path} is put back: they are remapped again`;
  return new DmremapError(
    'io',
    `${main.path}: ${refused.length} of the sectors to be put back cannot be written, the first is ${first}`,
    {
      hint: `${stands}, and nothing is lost`,
      data: {
        stands: 'part',
        main_sector: first,
        ...(undoFile === undefined ? {} : { undo_file: undoFile }),
      },
    },
  );
}
