import type { Beyond, ForeignSignature, MainFacts, MediaResult, Survey } from '../check/survey.js';
import type { BlockDevice } from '../device/block-device.js';
import { readPastCache } from '../device/past-cache.js';
import { readAround } from '../device/read-around.js';
import { DeviceError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { backupHeaderPlace } from '../format/geometry.js';
import { MODULE_METADATA_SIZE, type ModuleEvidence, recogniseModule } from '../format/module.js';
import { probeSignatures } from '../signatures/probe.js';
import { firstOccupied } from '../store/beyond.js';
import { type Choice, isEvidence } from '../store/choose.js';
import { contentOf } from '../store/content.js';
import { type Copy, hasMagic, isValid } from '../store/copy.js';
import type { LoadedCopies } from '../store/load.js';
import { loadChoice } from '../store/load-choice.js';
import { needsMove } from '../store/move.js';
import { type Bytes, bytes, bytesToSectors, roundUp, SECTOR_SIZE, type Sectors, sectors } from '../units.js';

export interface SurveyOptions {
  /** Identity and size of main, to be compared. */
  readonly main?: MainFacts | undefined;
  /** Read every live spare sector. */
  readonly media?: boolean | undefined;
  /** Who holds the device now. */
  readonly holder?: () => Promise<string | undefined>;
  /** Bytes read so far, of how many, for long work. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

export interface Surveyed extends Survey {
  readonly copies: LoadedCopies;
}

/**
 * Learns everything that the rules judge about one spare. Reads only.
 *
 * @throws DmremapError `not-dmremap3` is left to the caller (survey.choice.evidence); DeviceError `io` where
 * no copy could be read because of read errors
 */
export async function surveySpare(device: BlockDevice, options: SurveyOptions = {}): Promise<Surveyed> {
  // slow to answer on some machines, so asked while the copies are read
  const holder = options.holder?.();
  const { copies, choice, table } = await loadChoice(device);
  refuseUnreadable(device, copies, choice);
  const { chosen } = choice;
  return {
    copies,
    deviceSize: device.size,
    choice,
    table,
    foreign: table === undefined ? new Map() : await foreignSignatures(device, choice, table),
    beyond: chosen === undefined || table === undefined ? undefined : await lookBeyond(device, chosen, table),
    module: await moduleEvidence(device, copies.primary),
    holder: await holder,
    main: options.main,
    media:
      options.media && table !== undefined ? await readMedia(device, table, options.progress) : undefined,
  };
}

/**
 * A device on which read errors leave nothing to judge says nothing about its metadata: exit 8. Where a copy
 * that can be read is damaged, that is what there is to say.
 */
function refuseUnreadable(device: BlockDevice, { primary, backups }: LoadedCopies, choice: Choice): void {
  const copies = [primary, ...backups];
  const [range] = copies.flatMap(({ unreadable }) => unreadable);
  const telling = copies.some((copy) => copy.unreadable.length === 0 && isEvidence(copy));
  if (choice.chosen !== undefined || range === undefined || telling) return;
  throw new DeviceError(device.name, 'read', range.errno, bytesToSectors(range.at), {
    hint: 'no copy of the metadata is whole; `dmremap dump` shows what can still be read',
  });
}

/**
 * What else stands at the end of the device where a copy is to be written: in its place or, as btrfs at 64 KiB,
 * beside it. A sector that a live entry uses is data, whatever its bytes look like.
 */
async function foreignSignatures(
  device: BlockDevice,
  { chosen, others }: Choice,
  table: RemapTable,
): Promise<Map<Bytes, ForeignSignature[]>> {
  const found = new Map<Bytes, ForeignSignature[]>();
  const damaged = others.filter(({ standing }) => standing === 'damaged');
  const moves = chosen !== undefined && needsMove(contentOf(chosen.block, table), device.size);
  if (damaged.length === 0 && !moves) return found;
  const live = new Set(Array.from(table.live(), (index) => table.spareSector(index)));
  const signatures = await probeSignatures((at, length) => readOrNothing(device, at, length), device.size, {
    textIsEnough: true,
  });
  const foreign = signatures.filter(({ ours, at }) => !ours && !live.has(bytesToSectors(at)));
  const [front, end] = [true, false].map((wanted) =>
    foreign.filter(({ at }) => at < device.size / 2 === wanted).map(({ name, at }) => ({ name, at })),
  );
  if (moves) found.set(backupHeaderPlace(device.size), end ?? []);
  for (const { copy } of damaged) found.set(copy.headerAt, (copy.name === 'primary' ? front : end) ?? []);
  return found;
}

async function readOrNothing(
  device: BlockDevice,
  at: Bytes,
  length: number,
): Promise<Uint8Array | undefined> {
  const block = new Uint8Array(length);
  return (await readAround(device, at, block)).length > 0 ? undefined : block;
}

async function lookBeyond(device: BlockDevice, chosen: Copy, table: RemapTable): Promise<Beyond | undefined> {
  if (chosen.header.spare_device_size >= BigInt(bytesToSectors(device.size))) return undefined;
  const content = contentOf(chosen.block, table);
  // without a move nothing is written there
  if (!needsMove(content, device.size)) return { free: true };
  const occupied = await firstOccupied(device, content);
  return occupied === undefined ? { free: true } : { free: false, firstOccupied: occupied };
}

/** Only a header that has our magic and does not verify by our checksum can be the kernel module's. */
async function moduleEvidence(device: BlockDevice, primary: Copy): Promise<ModuleEvidence | undefined> {
  if (isValid(primary) || !hasMagic(primary)) return undefined;
  const length = roundUp(MODULE_METADATA_SIZE, device.logicalBlockSize);
  if (device.size < length) return undefined;
  const front = await readOrNothing(device, bytes(0), length);
  return front === undefined ? undefined : recogniseModule(front);
}

/** How much of the spare is read at a time, in bytes. */
const MEDIA_CHUNK = 1 << 20;

async function readMedia(
  device: BlockDevice,
  table: RemapTable,
  progress: SurveyOptions['progress'],
): Promise<MediaResult> {
  const live = Float64Array.from(table.live(), (index) => table.spareSector(index))
    .filter((sector) => (sector + 1) * SECTOR_SIZE <= device.size)
    .sort();
  const bad: Sectors[] = [];
  let done = 0;
  for (let first = 0; first < live.length; ) {
    const start = live[first] ?? 0;
    let end = first + 1;
    while (
      end < live.length &&
      live[end] === start + end - first &&
      (end - first) * SECTOR_SIZE < MEDIA_CHUNK
    )
      end++;
    bad.push(...(await unreadableSectors(device, start, end - first)));
    done += (end - first) * SECTOR_SIZE;
    progress?.(done, live.length * SECTOR_SIZE);
    first = end;
  }
  return { badSectors: bad };
}

async function unreadableSectors(device: BlockDevice, start: number, count: number): Promise<Sectors[]> {
  const at = bytes(start * SECTOR_SIZE);
  const buffer = Buffer.allocUnsafeSlow(count * SECTOR_SIZE);
  try {
    // what is in a cache says nothing about the medium
    await readPastCache(device, at, buffer);
    return [];
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
  }
  const ranges = await readAround(device, at, buffer);
  return ranges.flatMap((range) =>
    Array.from({ length: range.length / SECTOR_SIZE }, (_, index) => sectors(range.at / SECTOR_SIZE + index)),
  );
}
