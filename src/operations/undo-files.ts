import { join } from 'node:path';
import type { BlockDevice } from '../device/block-device.js';
import type { Identity } from '../device/identity.js';
import type { Medium } from '../device/same-medium.js';
import { DmremapError } from '../errors.js';
import { decodeHeader, HEADER_SIZE, hasExtension, MAGIC, ZERO_UUID } from '../format/header.js';
import { ChangeFailed } from '../store/failure.js';
import { type CarryOutOptions, carryOut, type Phase } from '../store/phase.js';
import type { UndoDescription, UndoDevice, UndoSpare } from '../undo/description.js';
import { undoPathsIn, writtenAt } from '../undo/files.js';
import { isRefusal } from '../undo/format.js';
import { fits, nameOf, type SpareIdentity, undoFileName } from '../undo/identity.js';
import { findPlace, stateFolder, type UndoPlace } from '../undo/place.js';
import { afterBytes } from '../undo/plan.js';
import { openUndo, peekUndo, type UndoStateName } from '../undo/reader.js';
import { compareWithUndo } from '../undo/verify.js';
import { markFinished, type SaveRequest, saveUndo, type UndoFile } from '../undo/writer.js';
import { bytes, SECTOR_SIZE } from '../units.js';

export type { UndoPlace } from '../undo/place.js';

/** An opened device: a FileDevice is one. */
export interface HeldDevice extends BlockDevice, Medium {}

/** Where `partOf` is told, each part has an undo file of its own. */
export interface UndoOptions extends CarryOutOptions {
  readonly command: string;
  /** Unix seconds. */
  readonly now: bigint;
  readonly place: UndoPlace;
  /** Of the spare. */
  readonly identity: Identity;
  /** Of the spare before the change, where a header says them; generation 0 where none does. */
  readonly spareUuid: string | undefined;
  readonly setUuid: string | undefined;
  readonly generation: number;
}

/** What a change overwrites on main besides. */
export interface MainTarget {
  readonly device: HeldDevice;
  readonly identity: Identity;
  readonly phases: readonly Phase[];
  /** What main held, where some of it is overwritten by now. */
  readonly before?: BlockDevice | undefined;
}

interface WithMain {
  readonly main?: MainTarget | undefined;
}

export interface SavedChange<Result = void> {
  /** Undefined with --no-undo, and where nothing was overwritten. */
  readonly path: string | undefined;
  /** For the operator: the file may be lost, or an older one still counts. */
  readonly warning: string | undefined;
  readonly result: Result;
}

/**
 * Carries out the phases of a change on a spare (store/phase.ts) after saving all that they overwrite; the
 * undo file is finished, durably, before this returns.
 *
 * @throws DmremapError `undo-unavailable` before anything is written; `io` and others with data.undo_file
 */
export function carryOutWithUndo(
  device: HeldDevice,
  phases: readonly Phase[],
  options: UndoOptions,
): Promise<SavedChange> {
  return withUndo(device, phases, options, () => carryOut(device, phases, options));
}

/**
 * The same for a change that does more between its phases: `work` overwrites nothing but what the phases of
 * spare and main say, and returns when that is durable. If it throws, the undo file stays unfinished.
 */
export async function withUndo<Result>(
  device: HeldDevice,
  phases: readonly Phase[],
  options: UndoOptions & WithMain,
  work: () => Promise<Result>,
): Promise<SavedChange<Result>> {
  const { main, place, partOf } = options;
  const targets = [
    { side: 'spare' as const, device, phases },
    ...(main === undefined
      ? []
      : [{ side: 'main' as const, device: main.before ?? main.device, phases: main.phases }]),
  ];
  const writes = targets.flatMap((target) => target.phases.flatMap((phase) => phase.writes));
  if (writes.every((write) => write.bytes.length === 0))
    return { path: undefined, warning: undefined, result: await work() };

  const description = describe(device, phases, options);
  if (place.none === true) return withoutUndo(device, description, options, work);

  const avoid = [...(place.avoid ?? []), ...(main === undefined ? [] : [main.device])];
  const name = undoFileName(description.spare, options.generation, options.command);
  const { warning: ofPlace, saved } = await save(
    { targets, description, name },
    { ...place, avoid },
    device,
  ).catch((error: unknown) => {
    throw sayingFirst(error, partOf?.before === true ? MADE_IN_PART : 'nothing is changed');
  });
  const superseded = await cutShortBefore(device, description, options, saved.path);
  const result = await work().catch((error: unknown) => {
    throw namingUndo(error, saved.path, place.file === undefined ? undefined : device.name);
  });
  const warnings = [ofPlace, await endOlder(superseded)];
  await saved.finish().catch((error: unknown) => {
    throw sayingFirst(error, `what was written stands and is whole; next: dmremap check -p ${device.name}`);
  });
  return { path: saved.path, warning: inOne(warnings), result };
}

/** The same for a change of which nothing is saved. */
async function withoutUndo<Result>(
  device: HeldDevice,
  description: Omit<UndoDescription, 'blocks'>,
  options: UndoOptions,
  work: () => Promise<Result>,
): Promise<SavedChange<Result>> {
  const superseded = await cutShortBefore(device, description, options);
  const result = await work();
  return { path: undefined, warning: await endOlder(superseded), result };
}

/** Marks older files as finished; the warning where that fails. */
async function endOlder(paths: readonly string[]): Promise<string | undefined> {
  return inOne(await Promise.all(paths.map(endOne)));
}

function inOne(warnings: readonly (string | undefined)[]): string | undefined {
  const text = warnings.filter((one) => one !== undefined).join('; ');
  return text === '' ? undefined : text;
}

async function endOne(path: string): Promise<string | undefined> {
  try {
    await markFinished(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof DmremapError)) throw error;
    return `${error.message}: until then check -p may take that older change back; ${error.hint}`;
  }
}

/**
 * Changes of this device that were cut short before and that a check would take back as it lies now. Once this one
 * is done, nothing of them is: what they have saved must not come back when this leaves no valid copy.
 */
async function cutShortBefore(
  device: HeldDevice,
  { spare }: Omit<UndoDescription, 'blocks'>,
  { place, identity, spareUuid }: UndoOptions,
  own?: string,
): Promise<readonly string[]> {
  const folder = stateFolder(place.surroundings);
  const found = new Set<string>();
  for (const uuid of new Set([spareUuid, spare.newSpareUuid, undefined])) {
    const unfinished = await listUnfinished(folder, spareIdentity(device, identity, uuid)).catch(
      undefinedForOurErrors,
    );
    for (const { path } of unfinished ?? []) if (path !== own) found.add(path);
  }
  const fitting: string[] = [];
  for (const path of found) {
    const undo = await openUndo(path).catch(undefinedForOurErrors);
    if (undo === undefined || isRefusal(undo)) continue;
    try {
      if ((await compareWithUndo(undo, 'spare', device)).standing !== 'changed') fitting.push(path);
    } finally {
      await undo.close();
    }
  }
  return fitting;
}

/** An older file that cannot be read or written stops no change. */
function undefinedForOurErrors(error: unknown): undefined {
  if (!(error instanceof DmremapError)) throw error;
  return undefined;
}

async function save(
  { targets, description, name }: Omit<SaveRequest, 'path'> & { readonly name: string },
  place: UndoPlace,
  device: HeldDevice,
): Promise<{ readonly warning: string | undefined; readonly saved: UndoFile }> {
  const { path, warning } = await findPlace(place, name, device);
  return { warning, saved: await saveUndo({ targets, path, description }) };
}

const MADE_IN_PART = 'a part of the change is made and stands';

/** A failure, which now says what state the device is in. */
function sayingFirst(error: unknown, state: string): unknown {
  if (!(error instanceof DmremapError)) return error;
  const { code, message, hint, data } = error;
  return new DmremapError(code, message, {
    hint: hint === undefined ? state : `${state}; ${hint}`,
    data,
    cause: error,
  });
}

/**
 * Where a change would save what it overwrites, if that name is free and the place allowed; undefined where it
 * saves nothing.
 */
export function foreseenUndoFile(
  device: HeldDevice,
  phases: readonly Phase[],
  options: UndoOptions & WithMain,
): string | undefined {
  const { place, generation, command, main } = options;
  if (place.none === true || (phases.length === 0 && main === undefined)) return undefined;
  if (place.file !== undefined) return place.file;
  const { spare } = describe(device, phases, options);
  return join(stateFolder(place.surroundings), undoFileName(spare, generation, command));
}

function describe(
  device: HeldDevice,
  phases: readonly Phase[],
  options: UndoOptions & WithMain,
): Omit<UndoDescription, 'blocks'> {
  const { command, now, identity, setUuid, spareUuid, generation, main } = options;
  const after = uuidAfter(phases);
  const spare: UndoSpare = {
    ...describeDevice(device, identity),
    setUuid,
    spareUuid,
    newSpareUuid: after === spareUuid ? undefined : after,
    generation: generation === 0 ? undefined : generation,
  };
  return {
    command,
    created: Number(now),
    spare,
    main: main === undefined ? undefined : describeDevice(main.device, main.identity),
  };
}

function describeDevice(device: HeldDevice, identity: Identity): UndoDevice {
  const { byIdPath, mainId, model, serial } = identity;
  return {
    name: device.name,
    realPath: device.realPath,
    stablePath: byIdPath,
    id: mainId === '' ? undefined : mainId,
    model,
    serial,
    size: device.size,
  };
}

/** The spare_uuid that the phases write, so that the undo file is found by it too. */
function uuidAfter(phases: readonly Phase[]): string | undefined {
  const sector = afterBytes(phases, bytes(0), bytes(SECTOR_SIZE));
  if (sector === undefined) return undefined;
  const block = new Uint8Array(HEADER_SIZE);
  block.set(sector);
  const header = decodeHeader(block);
  const said = header.magic === MAGIC && hasExtension(header) && header.spare_uuid !== ZERO_UUID;
  return said ? header.spare_uuid : undefined;
}

/**
 * A failure in the midst of a change, which now says where the overwritten bytes are.
 *
 * @param elsewhere the device, where `check` does not find the file by itself and the operator has to name it
 */
export function namingUndo(error: unknown, path: string, elsewhere?: string): unknown {
  if (!(error instanceof DmremapError)) return error;
  const saved = `what was there before is saved in ${path}`;
  const stands = error instanceof ChangeFailed && error.stands !== 'unknown';
  const hint =
    elsewhere === undefined || stands
      ? saved
      : `${saved}, and where no copy is valid: dmremap undo --from ${path} ${elsewhere}`;
  return new DmremapError(error.code, error.message, {
    hint: error.hint === undefined ? hint : `${error.hint}; ${hint}`,
    data: { ...error.data, undo_file: path },
    cause: error,
  });
}

/** An undo file found in a folder. A damaged one is known by its name alone. */
export type FoundUndo =
  | { readonly path: string; readonly state: UndoStateName; readonly description: UndoDescription }
  | { readonly path: string; readonly state: 'damaged'; readonly reason: string };

/** What a spare is known by today, for finding its undo files. */
export function spareIdentity(
  device: HeldDevice,
  identity: Identity,
  spareUuid: string | undefined,
): SpareIdentity {
  return { ...describeDevice(device, identity), spareUuid };
}

/**
 * The undo files in a folder that fit a spare, newest first, the damaged ones of its name last. Before-bytes
 * are not read: openUndo checks them. None where there is no such folder; throws where it cannot be read.
 */
export async function findUndoFiles(folder: string, spare: SpareIdentity): Promise<FoundUndo[]> {
  const whole: Extract<FoundUndo, { description: UndoDescription }>[] = [];
  const damaged: FoundUndo[] = [];
  const names = [nameOf(spare), nameOf({ ...spare, spareUuid: undefined })];
  for (const path of await undoPathsIn(folder)) {
    const found = await peekUndo(path).catch((error: unknown) => {
      if (error instanceof DmremapError) return { refused: error.code, message: error.message };
      throw error;
    });
    if ('refused' in found) {
      const file = path.slice(path.lastIndexOf('/') + 1);
      if (names.some((name) => file.startsWith(`${name}-`)))
        damaged.push({ path, state: 'damaged', reason: found.message });
    } else if (fits(found.description.spare, spare)) whole.push({ path, ...found });
  }
  // of one second's files the one that was written last is the newest
  const written = new Map(whole.map(({ path }) => [path, writtenAt(path)]));
  whole.sort(
    (a, b) =>
      b.description.created - a.description.created ||
      (written.get(b.path) ?? 0) - (written.get(a.path) ?? 0),
  );
  return [...whole, ...damaged];
}

/** Those of them whose change was begun and, for all that is known, not ended: for `check`. */
export async function listUnfinished(folder: string, spare: SpareIdentity): Promise<FoundUndo[]> {
  return (await findUndoFiles(folder, spare)).filter(({ state }) => state === 'unfinished');
}
