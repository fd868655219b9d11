import { check } from '../check/checker.js';
import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { readInput } from '../device/input-file.js';
import { DmremapError } from '../errors.js';
import { type DumpDocument, DumpReader } from '../exchange/dump-document.js';
import { RemapTable } from '../format/entry.js';
import { isNewer, nextGeneration } from '../format/generation.js';
import { encodeHeader, hasExtension, isRedundant } from '../format/header.js';
import { commit, rewrite } from '../store/commit.js';
import { type Content, contentOf } from '../store/content.js';
import { hasMagic } from '../store/copy.js';
import { createPhases } from '../store/create.js';
import { carryOut, type Phase } from '../store/phase.js';
import { stepBetween } from '../store/step.js';
import { type ChangeOptions, type ChangeResult, change, describeDevice } from './change.js';
import { isFromHere } from './dump-origin.js';
import { describeOccupant, findOccupant, refuseForeign } from './occupant.js';
import { withDevice } from './open-device.js';
import { refusePassive } from './spare.js';
import { type Surveyed, surveySpare } from './survey.js';

export interface RestoreOptions extends ChangeOptions {
  /** The file of a json dump; `-` is standard input. */
  readonly input: string;
  /** The operator says that the dump was taken from this device although nothing tells. */
  readonly sameDevice: boolean;
  /** Restore a dump of another generation, or of a damaged copy. */
  readonly acceptGuess: boolean;
}

export interface RestoreResult extends ChangeResult {
  readonly entries: number;
  readonly generation: number;
}

/**
 * Writes the metadata of a dump back onto the device that it was taken from (dmremap restore).
 *
 * @throws DmremapError `usage` (no whole dump), `wrong-device` (another uuid, size or serial, or nothing to
 * compare), `changed-since` (the set has another generation than the dump)
 */
export async function restoreSpare(path: string, options: RestoreOptions): Promise<RestoreResult> {
  const reader = new DumpReader();
  for await (const piece of readInput(options.input)) reader.write(piece);
  const dump = reader.finish();
  return withDevice(path, 'exclusive', async (device) => {
    const occupant = await findOccupant(device);
    const survey = await surveySpare(device);
    const { chosen } = survey.choice;
    if (chosen !== undefined) refusePassive(path, { chosen });
    refuseForeign(path, occupant, false);
    await refuseOtherDevice(device, dump, survey, options.sameDevice);
    refuseGuess(path, dump, survey, options.acceptGuess);
    const content = restoredContent(dump, survey, options.now);
    const phases = restorePhases(content, survey, device.logicalBlockSize);
    await refuseImpossible(device, phases, content);
    const plan = {
      command: 'restore',
      device: await describeDevice(device),
      before: describeOccupant(occupant),
      after: `the metadata of the dump: ${content.table.count} entries, as generation ${content.header.generation}`,
      phases,
      warnings: [],
      destroys: false,
      singleCopy: !isRedundant(content.header),
    };
    const { header } = content;
    const named = {
      spareUuid: hasExtension(header) ? header.spare_uuid : undefined,
      setUuid: hasExtension(header) ? header.set_uuid : undefined,
      generation: chosen?.header.generation ?? 0,
    };
    const result = await change(device, plan, named, options, async () => {
      if (!(await holds(device, content)))
        throw new DmremapError('io', `${path}: what was written does not read back right`);
    });
    return { ...result, entries: content.table.count, generation: header.generation };
  });
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

function refuseGuess(path: string, dump: DumpDocument, survey: Surveyed, accepted: boolean): void {
  if (accepted) return;
  const dumped = contentOf(dump.block, new RemapTable(new Uint8Array(0))).header.generation;
  const { chosen } = survey.choice;
  const hint = 'look at both with dump; if the dump is what you want: --accept-guess';
  if (chosen !== undefined && chosen.header.generation !== dumped)
    throw new DmremapError(
      'changed-since',
      `${path} has generation ${chosen.header.generation}, the dump has ${dumped}: remaps made in between would be lost or come back`,
      {
        hint,
        data: { generation: chosen.header.generation, dump_generation: dumped },
      },
    );
  if (!dump.valid)
    throw new DmremapError('changed-since', 'the dump was taken from a copy that was not valid', { hint });
}

/** A generation newer than everything that was ever written here. */
function restoredContent(dump: DumpDocument, survey: Surveyed, now: bigint): Content {
  const table = new RemapTable(dump.table);
  const { header } = contentOf(dump.block, table);
  const { primary, backups } = survey.copies;
  const newest = [primary, ...backups]
    .filter(hasMagic)
    .reduce(
      (best, copy) => (isNewer(copy.header.generation, best) ? copy.header.generation : best),
      header.generation,
    );
  const block = encodeHeader(
    { entry_count: table.count, generation: nextGeneration(newest), last_update_time: now },
    dump.block,
  );
  return contentOf(block, table);
}

/** Both copies are made whole and equal before the change; where none is valid there is nothing to keep. */
function restorePhases(content: Content, { choice, table }: Surveyed, logicalBlockSize: number): Phase[] {
  const { chosen } = choice;
  const comparable =
    chosen !== undefined &&
    table !== undefined &&
    isRedundant(chosen.header) === isRedundant(content.header) &&
    chosen.header.max_entries === content.header.max_entries &&
    chosen.header.backup_header === content.header.backup_header;
  if (!comparable) return createPhases(content);
  const before = contentOf(chosen.block, table);
  const repairs = choice.others
    .filter(({ standing }) => standing === 'damaged' || standing === 'stale')
    .map(({ copy }) => rewrite(before, copy.name, logicalBlockSize));
  return [...repairs, ...commit(stepBetween(before, content), logicalBlockSize)];
}

/**
 * Tries it in memory first: a dump that somebody has edited, or one of a damaged copy, can describe what no
 * device holds.
 */
async function refuseImpossible(
  device: FileDevice,
  phases: readonly Phase[],
  content: Content,
): Promise<void> {
  const writes = phases.flatMap((phase) => phase.writes);
  const fits = writes.every(({ at, bytes }) => at >= 0 && at + bytes.length <= device.size);
  const after = new OverlayDevice(device);
  if (fits) await carryOut(after, phases);
  if (!fits || !(await holds(after, content)))
    throw new DmremapError('usage', `the dump does not describe a set that ${device.path} could hold`, {
      hint: 'was it edited, or taken from a damaged copy?',
    });
}

/** Whether a device holds this content in all its copies. */
async function holds(device: BlockDevice, content: Content): Promise<boolean> {
  const survey = await surveySpare(device);
  const { chosen } = survey.choice;
  return (
    chosen !== undefined &&
    chosen.header.generation === content.header.generation &&
    survey.table !== undefined &&
    Buffer.compare(survey.table.bytes, content.table.bytes) === 0 &&
    !check(survey).some(({ id }) => id.startsWith('cop') || id === 'no-valid-copy')
  );
}
