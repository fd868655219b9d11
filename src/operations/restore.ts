import { check } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { readInput } from '../device/input-file.js';
import { DmremapError } from '../errors.js';
import { type DumpDocument, DumpReader } from '../exchange/dump-document.js';
import { RemapTable } from '../format/entry.js';
import { isNewer, nextGeneration } from '../format/generation.js';
import { backupHeaderPlace } from '../format/geometry.js';
import { type Header, hasExtension, isRedundant } from '../format/header.js';
import { newestBeyond } from '../store/beyond.js';
import { isEvidence } from '../store/choose.js';
import { commit } from '../store/commit.js';
import { type Content, contentOf, nextContent, samePlaces, sizedFor } from '../store/content.js';
import { createPhases } from '../store/create.js';
import { type Made, makeWhole, needsMove } from '../store/move.js';
import { carryOut, inParts, type Phase } from '../store/phase.js';
import { stepBetween } from '../store/step.js';
import { type Bytes, bytesToSectors } from '../units.js';
import { type ChangeOptions, type ChangeResult, change, describeDevice } from './change.js';
import { isFromHere } from './dump-origin.js';
import { attachedMains } from './main-device.js';
import { describeOccupant, findOccupant, refuseForeign } from './occupant.js';
import { withDevice } from './open-device.js';
import { type Guess, guessLines, guessOf, refuseGuess } from './restore-guess.js';
import { type Surveyed, surveySpare } from './survey.js';

export interface RestoreOptions extends ChangeOptions {
  /** The file of a json dump, `-` is standard input; or what such a file says. */
  readonly input: string | DumpDocument;
  /** The operator says that the dump was taken from this device although nothing tells. */
  readonly sameDevice: boolean;
  /** Restore a dump of another generation, or of a damaged copy. */
  readonly acceptGuess: boolean;
}

export interface RestoreResult extends ChangeResult {
  readonly entries: number;
  readonly generation: number;
  readonly guess: Guess;
}

/**
 * Writes the metadata of a dump back onto the device that it was taken from (dmremap restore).
 *
 * @throws DmremapError `usage` (no whole dump), `wrong-device` (another uuid, size or serial, or nothing to
 * compare), `changed-since` (a guess that was not accepted: restore-guess.ts)
 */
export async function restoreSpare(path: string, options: RestoreOptions): Promise<RestoreResult> {
  const dump = typeof options.input === 'string' ? await readDump(options.input) : options.input;
  return withDevice(path, 'exclusive', async (device) => {
    const occupant = await findOccupant(device);
    const survey = await surveySpare(device);
    refuseForeign(path, occupant, false);
    await refuseOtherDevice(device, dump, survey, options.sameDevice);
    const made = await madeWhole(device, survey, options.now);
    const content = restoredContent(dump, survey, made, device.size, options.now);
    const phases = restorePhases(content, made, device.logicalBlockSize);
    const guess = guessOf(dump, survey, await tryOut(device, phases, content));
    refuseGuess(path, guess, options.acceptGuess);
    const { header } = content;
    const plan = {
      command: 'restore',
      device: await describeDevice(device),
      before: describeOccupant(occupant),
      after: `the metadata of the dump: ${content.table.count} entries, as generation ${header.generation}`,
      phases,
      warnings: guessLines(guess),
      destroys: false,
      singleCopy: !isRedundant(header),
    };
    const named = {
      spareUuid: hasExtension(header) ? header.spare_uuid : undefined,
      setUuid: hasExtension(header) ? header.set_uuid : undefined,
      generation: survey.choice.chosen?.header.generation ?? 0,
    };
    const undo = { ...options.undo, avoid: await attachedMains(header) };
    const result = await change(device, plan, named, { ...options, undo }, async () => {
      if (!holds(await surveySpare(device), content))
        throw new DmremapError('io', `${path}: what was written does not read back right`);
    });
    return { ...result, entries: content.table.count, generation: header.generation, guess };
  });
}

async function readDump(input: string): Promise<DumpDocument> {
  const reader = new DumpReader();
  for await (const piece of readInput(input)) reader.write(piece);
  return reader.finish();
}

async function refuseOtherDevice(
  device: FileDevice,
  dump: DumpDocument,
  survey: Surveyed,
  sameDevice: boolean,
): Promise<void> {
  const told = await isFromHere(device, dump, survey.choice.chosen?.header.spare_uuid);
  if (told || sameDevice) return;
  throw new DmremapError(
    'wrong-device',
    `nothing tells whether the dump was taken from ${device.path}: neither has a uuid or serial to compare`,
    {
      hint: 'if it was: --same-device',
    },
  );
}

/**
 * Sized for the device as it is, under a generation newer than everything that was ever written here.
 *
 * @param made what all copies hold before; undefined where none is valid
 */
function restoredContent(
  dump: DumpDocument,
  survey: Surveyed,
  made: Made | undefined,
  size: Bytes,
  now: bigint,
): Content {
  const dumped = contentOf(dump.block, new RemapTable(dump.table));
  const { primary, backups } = survey.copies;
  const headers = [...[primary, ...backups].filter(isEvidence), made?.content].filter(
    (one) => one !== undefined,
  );
  const newest = headers.reduce(
    (best, { header }) => (isNewer(header.generation, best) ? header.generation : best),
    dumped.header.generation,
  );
  // a grown set is moved before any other write
  const moves =
    made !== undefined && made.content.header.generation !== survey.choice.chosen?.header.generation;
  const sized = moves || needsMove(dumped, size) ? endsOf(dumped, size) : {};
  return nextContent(dumped, { ...sized, generation: nextGeneration(newest) }, now);
}

function endsOf({ header }: Content, size: Bytes): Partial<Header> {
  return sizedFor(header, bytesToSectors(size), backupHeaderPlace(size));
}

/** Both copies are made whole and equal before the change; undefined where none is valid. */
async function madeWhole(device: FileDevice, survey: Surveyed, now: bigint): Promise<Made | undefined> {
  const { choice, table, beyond } = survey;
  if (choice.chosen === undefined || table === undefined) return undefined;
  const content = contentOf(choice.chosen.block, table);
  const damaged = choice.others.filter(({ standing }) => standing === 'damaged' || standing === 'stale');
  return makeWhole(content, {
    damaged: new Set(damaged.map(({ copy }) => copy.name)),
    move: { size: device.size, now },
    beyond: beyond?.free === false ? await newestBeyond(device, content) : undefined,
    logicalBlockSize: device.logicalBlockSize,
  });
}

/** Where no copy is valid there is nothing to keep, and where the copies lie elsewhere nothing to change. */
function restorePhases(content: Content, made: Made | undefined, logicalBlockSize: number): Phase[] {
  if (made === undefined || !samePlaces(made.content.header, content.header))
    return createPhases(content, logicalBlockSize);
  return inParts([made.phases, commit(stepBetween(made.content, content), logicalBlockSize)]);
}

/**
 * Tries it in memory first: a dump that somebody has edited, or one of a damaged copy, can describe what no
 * device holds.
 *
 * @returns what check says about the result
 */
async function tryOut(device: FileDevice, phases: readonly Phase[], content: Content): Promise<Problem[]> {
  const writes = phases.flatMap((phase) => phase.writes);
  const fits = writes.every(({ at, bytes: { length } }) => at >= 0 && at + length <= device.size);
  const after = new OverlayDevice(device);
  if (fits) await carryOut(after, phases);
  const survey = fits ? await surveySpare(after) : undefined;
  if (survey === undefined || !holds(survey, content))
    throw new DmremapError('usage', `the dump does not describe a set that ${device.path} could hold`, {
      hint: 'was it edited, or taken from a damaged copy?',
    });
  return check(survey);
}

/** Whether a device holds this content in all its copies. */
function holds(survey: Surveyed, content: Content): boolean {
  const { chosen } = survey.choice;
  return (
    chosen !== undefined &&
    chosen.header.generation === content.header.generation &&
    survey.table !== undefined &&
    Buffer.compare(survey.table.bytes, content.table.bytes) === 0 &&
    !check(survey).some(({ id }) => id.startsWith('cop') || id === 'no-valid-copy')
  );
}
