import { check } from '../check/checker.js';
import type { FileDevice } from '../device/file-device.js';
import { identify } from '../device/identity.js';
import { readInput } from '../device/input-file.js';
import { DmremapError } from '../errors.js';
import { type DumpDocument, DumpReader } from '../exchange/dump-document.js';
import { RemapTable } from '../format/entry.js';
import { isNewer, nextGeneration } from '../format/generation.js';
import { encodeHeader, hasExtension, isRedundant, ZERO_UUID } from '../format/header.js';
import { commit, rewrite } from '../store/commit.js';
import { type Content, contentOf } from '../store/content.js';
import { hasMagic } from '../store/copy.js';
import { createPhases } from '../store/create.js';
import type { Phase } from '../store/phase.js';
import { type ChangeOptions, type ChangeResult, change, describeDevice } from './change.js';
import { describeOccupant, findOccupant, refuseForeign } from './occupant.js';
import { withDevice } from './open-device.js';
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
    const survey = await surveySpare(device);
    const occupant = await findOccupant(device);
    refuseForeign(path, occupant, false);
    await refuseOtherDevice(device, dump, survey, options.sameDevice);
    refuseGuess(path, dump, survey, options.acceptGuess);
    const content = restoredContent(dump, survey, options.now);
    const plan = {
      command: 'restore',
      device: await describeDevice(device),
      before: describeOccupant(occupant),
      after: `the metadata of the dump: ${content.table.count} entries, as generation ${content.header.generation}`,
      phases: restorePhases(content, survey, device.logicalBlockSize),
      warnings: [],
      destroys: false,
      singleCopy: !isRedundant(content.header),
    };
    const { header } = content;
    const named = {
      spareUuid: hasExtension(header) ? header.spare_uuid : undefined,
      setUuid: hasExtension(header) ? header.set_uuid : undefined,
      generation: survey.choice.chosen?.header.generation ?? 0,
    };
    const result = await change(device, plan, named, options, () => verify(device, content));
    return { ...result, entries: content.table.count, generation: header.generation };
  });
}

async function refuseOtherDevice(
  device: FileDevice,
  dump: DumpDocument,
  survey: Surveyed,
  sameDevice: boolean,
): Promise<void> {
  const { header } = contentOf(dump.block, new RemapTable(new Uint8Array(0)));
  const here = survey.choice.chosen?.header;
  const { serial } = await identify(device);
  const comparisons: [what: string, dumped: string | undefined, found: string | undefined][] = [
    ['size', String(dump.device.size), String(device.size)],
    ['spare_uuid', known(header.spare_uuid), known(here?.spare_uuid)],
    ['serial', dump.device.serial, serial],
  ];
  for (const [what, dumped, found] of comparisons)
    if (dumped !== undefined && found !== undefined && dumped !== found)
      throw new DmremapError(
        'wrong-device',
        `the dump was taken from another device: its ${what} is ${dumped}, here it is ${found}`,
        {
          data: { field: what, dumped, found },
        },
      );
  const told = comparisons.some(
    ([what, dumped, found]) => what !== 'size' && dumped !== undefined && found !== undefined,
  );
  if (told || sameDevice) return;
  throw new DmremapError(
    'wrong-device',
    `nothing tells whether the dump was taken from ${device.path}: neither has a uuid or serial to compare`,
    {
      hint: 'if it was: --same-device',
    },
  );
}

function known(uuid: string | undefined): string | undefined {
  return uuid === ZERO_UUID ? undefined : uuid;
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
    .map(({ copy }) => rewrite(before, copy.name));
  return [...repairs, ...commit(before, content, logicalBlockSize)];
}

async function verify(device: FileDevice, content: Content): Promise<void> {
  const survey = await surveySpare(device);
  const { chosen } = survey.choice;
  const copies = check(survey).filter(({ id }) => id.startsWith('cop') || id === 'no-valid-copy');
  const same =
    chosen !== undefined &&
    chosen.header.generation === content.header.generation &&
    survey.table !== undefined &&
    Buffer.compare(survey.table.bytes, content.table.bytes) === 0;
  if (!same || copies.length > 0)
    throw new DmremapError('io', `${device.path}: what was written does not read back right`);
}
