import type { BlockDevice } from '../device/block-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { commit } from '../store/commit.js';
import type { Content } from '../store/content.js';
import { carryOut, type Phase, type Write } from '../store/phase.js';
import { contentAfter, stepOf } from '../store/step.js';
import { isRefusal } from '../undo/format.js';
import { openUndo } from '../undo/reader.js';
import { putBackPhases } from '../undo/verify.js';
import { bytes, roundDown, SECTOR_SIZE } from '../units.js';
import { type ChangeOptions, type ChangePlan, change, describeDevice } from './change.js';
import { holdsContent } from './holds.js';
import { partsOf } from './put-back/parts.js';
import { identityIn, type SetToChange } from './set-to-change.js';
import { withUndo } from './undo-files.js';
import { asWritten, type WriteBackOptions, writeBack } from './write-back.js';

/** How sectors go back to main: what is written there, and the commit that drops their entries. */

export interface BackToMainOptions extends ChangeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes are on main again, and of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** Of each remapped sector of main its slot, or its sector on the spare. */
export function placesOf(table: RemapTable, what: 'slot' | 'spare'): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (const slot of table.live())
    places.set(table.mainSector(slot), what === 'slot' ? slot : table.spareSector(slot));
  return places;
}

/** The commit that drops entries. */
export interface Drop {
  readonly content: Content;
  readonly phases: readonly Phase[];
}

export function dropping({ spare, corrected }: SetToChange, mains: readonly number[], now: bigint): Drop {
  const { before } = corrected;
  if (mains.length === 0) return { content: before, phases: [] };
  const slots = placesOf(before.table, 'slot');
  const remove = mains.flatMap((main) => slots.get(main) ?? []);
  const step = stepOf(before, { remove }, now);
  return {
    content: contentAfter(before, step),
    phases: commit(step, spare.logicalBlockSize),
  };
}

export function backToMain(writes: readonly Write[], count: number): Phase {
  const what = count === 1 ? '1 sector' : `${count} sectors`;
  return { purpose: `write ${what} back to main, and read it back`, writes };
}

const BEFORE_MAIN = { before: false, behind: true };
const BEHIND_MAIN = { before: true, behind: false };

/** What was done. */
export interface Done {
  readonly applied: boolean;
  readonly undoFile: string | undefined;
  readonly warnings: readonly string[];
  /** Sectors that main has not taken, although they were written there. */
  readonly refused: readonly number[];
  /** What the spare holds; with --dry-run, would hold. */
  readonly content: Content;
}

/**
 * Corrections, then main, then the commit; under one undo file of both devices, unless main does not take all of it.
 *
 * @param writes in whole logical blocks of main
 * @param back the sectors that are written, ascending; `drop` has their entries go
 * @throws DmremapError as change
 */
export async function carryOutPlan(
  set: SetToChange,
  plan: ChangePlan,
  writes: readonly Write[],
  { back, drop }: { readonly back: readonly number[]; readonly drop: Drop },
  options: BackToMainOptions,
): Promise<Done> {
  const { spare, main, found, corrected } = set;
  const named = identityIn(corrected.found.header);
  const undo = { ...options.undo, avoid: [found] };
  const target = await asWritten(main);
  const { identity } = await describeDevice(main);
  const onMain = { device: main, identity, phases: [backToMain(writes, back.length)] };
  let refused: readonly number[] = [];
  const work = async (): Promise<void> => {
    await carryOut(spare, corrected.corrections, { partOf: BEFORE_MAIN });
    const notTaken = await writeBack(target, writes, progressing(writes, options)).catch(sayingWhatStays);
    refused = back.filter((sector) => notTaken.has(sector));
    if (refused.length === 0) await carryOut(spare, drop.phases, { partOf: BEHIND_MAIN });
  };
  const holds = async (content: Content): Promise<void> => {
    if (!(await holdsContent(spare, content)))
      throw new DmremapError('io', `${spare.path}: what was written does not read back right`);
  };
  const result = await change(
    spare,
    plan,
    named,
    { ...options, undo },
    () => holds(refused.length === 0 ? drop.content : corrected.before),
    { main: onMain, work },
  );
  const { applied, undoFile, warnings } = result;
  if (refused.length === 0) return { applied, undoFile, warnings, refused, content: drop.content };
  const left = new Set(refused);
  const less = dropping(
    set,
    back.filter((sector) => !left.has(sector)),
    options.now,
  );
  if (less.phases.length === 0) return { applied, undoFile, warnings, refused, content: less.content };
  const saving = { command: 'unremap', now: options.now, place: undo, identity: plan.device.identity };
  const taken = { ...onMain, phases: [backToMain(takenOf(main, writes, refused), back.length)] };
  const saved = await withSavedBefore(undoFile, main, (before) =>
    withUndo(spare, less.phases, { ...saving, ...named, main: { ...taken, before } }, () =>
      carryOut(spare, less.phases, { partOf: BEHIND_MAIN }),
    ),
  );
  await spare.invalidate(bytes(0), spare.size);
  await holds(less.content);
  const told = saved.warning === undefined ? warnings : [...new Set([...warnings, saved.warning])];
  return { applied, undoFile: saved.path, warnings: told, refused, content: less.content };
}

function progressing(writes: readonly Write[], { signal, progress }: BackToMainOptions): WriteBackOptions {
  const total = writes.reduce((sum, write) => sum + write.bytes.length, 0);
  let done = 0;
  return {
    signal,
    progress: (more) => {
      done += more;
      progress?.(done, total);
    },
  };
}

/** Stopped, or main is gone: whatever it holds there by now, nobody reads it. */
function sayingWhatStays(error: unknown): never {
  if (!(error instanceof DmremapError)) throw error;
  const { code, message, hint, data } = error;
  const stays = 'all of these sectors stay remapped, and nothing is lost';
  throw new DmremapError(code, message, {
    hint: hint === undefined ? stays : `${stays}; ${hint}`,
    data,
    cause: error,
  });
}

/** The writes without the blocks of main in which a sector was refused. */
function takenOf(main: BlockDevice, writes: readonly Write[], refused: readonly number[]): Write[] {
  const size = main.logicalBlockSize;
  const blocks = new Set(refused.map((sector) => roundDown(sector * SECTOR_SIZE, size)));
  return partsOf(writes, size, (at) => !blocks.has(bytes(at)));
}

/**
 * What main does not take leaves another commit than the undo file foresaw: it gets a file of its own, which holds
 * what main held before, too, so that one undo puts all of it back.
 */
async function withSavedBefore<Result>(
  path: string | undefined,
  main: BlockDevice,
  work: (before: BlockDevice) => Promise<Result>,
): Promise<Result> {
  const undo = path === undefined ? undefined : await openUndo(path);
  if (undo === undefined || isRefusal(undo)) return work(main);
  try {
    const before = new OverlayDevice(main);
    await carryOut(before, await putBackPhases(undo, 'main'));
    return await work(before);
  } finally {
    await undo.close();
  }
}
