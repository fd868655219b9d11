import type { Beyond, ForeignSignature, MainFacts, Survey, TableDifference } from '../check/survey.js';
import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import type { RemapTable } from '../format/entry.js';
import { backupHeaderPlace } from '../format/geometry.js';
import type { ModuleEvidence } from '../format/module-recognition.js';
import { probeSignatures } from '../signatures/probe.js';
import type { Signature } from '../signatures/signature.js';
import { firstOccupied } from '../store/beyond.js';
import { type Choice, contradicting } from '../store/choose.js';
import { contentOf } from '../store/content.js';
import type { Copy } from '../store/copy.js';
import type { LoadedCopies } from '../store/load.js';
import { loadChoice } from '../store/load-choice.js';
import type { ModuleImage } from '../store/module-image.js';
import { needsMove } from '../store/move.js';
import type { ReadProgress } from '../store/sum-tables.js';
import { type Bytes, bytesToSectors } from '../units.js';
import { readMedia } from './media.js';
import { bareModuleEvidence, moduleImageOn, moduleOverPrimary } from './module-evidence.js';
import { refuseUnreadable } from './unreadable.js';

export interface SurveyOptions {
  /** Identity and size of main, to be compared. */
  readonly main?: MainFacts | undefined;
  /** What the same main can tell beyond that. */
  readonly mainAtHand?: MainAtHand | undefined;
  /** Read every live spare sector. */
  readonly media?: boolean | undefined;
  /** Where nothing says that this is a spare, look for what the kernel module leaves without a magic. */
  readonly module?: boolean | undefined;
  /** Who holds the device now. */
  readonly holder?: () => Promise<string | undefined>;
  /**
   * Leave out what asks for reading all of a grown device: whether anything stands in its new part. That it
   * has grown is told all the same.
   */
  readonly skipBeyond?: boolean | undefined;
  /** Bytes read so far, of how many, for long work. */
  readonly progress?: ReadProgress | undefined;
}

/** Main, where it can be asked about the kernel module's entries. */
export interface MainAtHand {
  /** Opens it for reading, where its data can tell something. */
  readonly open: <Result>(work: (main: BlockDevice) => Promise<Result>) => Promise<Result>;
  /** Sectors of which a kernel log tells failed requests. */
  readonly logged: readonly number[];
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
  const { copies, choice, table } = await loadChoice(device, options.progress);
  refuseUnreadable(device, copies, choice);
  const { chosen } = choice;
  const module = await moduleImageOn(device, {
    primary: copies.primary,
    choice,
    mainSize: options.main?.size,
    told: options.module ?? false,
  });
  const live = table ?? module?.content.table;
  return {
    copies,
    deviceSize: device.size,
    choice,
    table,
    foreign:
      table === undefined
        ? await foreignPrimary(device, copies, choice)
        : await foreignSignatures(device, choice, table),
    beyond:
      chosen === undefined || table === undefined || options.skipBeyond
        ? undefined
        : await lookBeyond(device, chosen, table, options.progress),
    difference: await differenceOf(device, copies, choice),
    module,
    moduleMain:
      module === undefined || options.mainAtHand === undefined
        ? undefined
        : await askModuleMain(device, options.mainAtHand, module),
    holder: await holder,
    main: options.main,
    media: options.media && live !== undefined ? await readMedia(device, live, options.progress) : undefined,
  };
}

/** Seldom asked for, as below. */
async function askModuleMain(device: BlockDevice, { open, logged }: MainAtHand, module: ModuleImage) {
  const { askMain } = await import('./module-main.js');
  return open((main) => askMain(device, main, module, logged));
}

/** Seldom asked for, so that a healthy spare does not wait for the code. */
async function differenceOf(
  device: BlockDevice,
  copies: LoadedCopies,
  choice: Choice,
): Promise<TableDifference | undefined> {
  if (contradicting(choice).length < 2) return undefined;
  const { firstDifference } = await import('./first-difference.js');
  return firstDifference(device, copies, choice);
}

/**
 * What else stands at the end of the device where a copy is to be written: in its place or, as btrfs at 64 KiB,
 * beside it. A sector that a live entry uses is data, whatever its bytes look like. What the kernel module left in
 * place of the primary may hold remaps of a later life, and nothing of it is overwritten unattended.
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
  const signatures = await probeSignatures((at, length) => readOrNothing(device, at, length), device.size, {
    textIsEnough: true,
  });
  const data = dataAmong(signatures, table);
  const foreign = signatures.filter((signature) => !signature.ours && !data.has(signature));
  const [front, end] = [true, false].map((wanted) =>
    foreign.filter(({ at }) => at < device.size / 2 === wanted).map(({ name, at }) => ({ name, at })),
  );
  if (moves) found.set(backupHeaderPlace(device.size), end ?? []);
  for (const { copy } of damaged)
    found.set(
      copy.headerAt,
      copy.name === 'primary' ? [...(await moduleAt(device, copy)), ...(front ?? [])] : (end ?? []),
    );
  return found;
}

/** Metadata of the kernel module without a magic, which is no signature by itself. */
async function moduleAt(device: BlockDevice, { headerAt: at }: Copy): Promise<ForeignSignature[]> {
  const bare = await bareModuleEvidence(device);
  return bare === undefined ? [] : [ofModule(bare, at)];
}

/** The same with a magic, where no copy counts. */
async function foreignPrimary(
  device: BlockDevice,
  { primary }: LoadedCopies,
  choice: Choice,
): Promise<Map<Bytes, ForeignSignature[]>> {
  const module = await moduleOverPrimary(device, primary, choice);
  return new Map(module === undefined ? [] : [[primary.headerAt, [ofModule(module, primary.headerAt)]]]);
}

function ofModule({ says }: ModuleEvidence, at: Bytes): ForeignSignature {
  return { name: `metadata of the dm-remap v3 kernel module: ${says}`, at };
}

/** What else stands in the first bytes of a device. */
export async function foreignAtFront(device: BlockDevice, length: number): Promise<readonly Signature[]> {
  const signatures = await probeSignatures((at, size) => readOrNothing(device, at, size), device.size, {
    textIsEnough: true,
  });
  return signatures.filter((signature) => !signature.ours && signature.at < length);
}

/** The signatures that lie in sectors which live entries use. */
function dataAmong(signatures: readonly Signature[], table: RemapTable): Set<Signature> {
  const data = new Set<Signature>();
  if (signatures.length === 0) return data;
  // there are few signatures, but there may be more entries than a Set can hold
  for (const index of table.live())
    for (const signature of signatures)
      if (table.spareSector(index) === bytesToSectors(signature.at)) data.add(signature);
  return data;
}

async function readOrNothing(
  device: BlockDevice,
  at: Bytes,
  length: number,
): Promise<Uint8Array | undefined> {
  const block = new Uint8Array(length);
  return (await readAround(device, at, block)).length > 0 ? undefined : block;
}

async function lookBeyond(
  device: BlockDevice,
  chosen: Copy,
  table: RemapTable,
  progress: SurveyOptions['progress'],
): Promise<Beyond | undefined> {
  if (chosen.header.spare_device_size >= BigInt(bytesToSectors(device.size))) return undefined;
  const content = contentOf(chosen.block, table);
  // without a move nothing is written there
  if (!needsMove(content, device.size)) return { free: true };
  const occupied = await firstOccupied(device, content, progress);
  return occupied === undefined ? { free: true } : { free: false, firstOccupied: occupied };
}
