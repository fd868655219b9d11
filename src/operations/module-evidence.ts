import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import { MODULE_METADATA_SIZE } from '../format/module.js';
import { type ModuleEvidence, recogniseBare, recogniseModule } from '../format/module-recognition.js';
import type { Choice } from '../store/choose.js';
import { type Copy, hasMagic, isSealed, isValid } from '../store/copy.js';
import { type ModuleImage, readModuleImage } from '../store/module-image.js';
import { bytes, bytesToSectors, roundUp, type Sectors } from '../units.js';

export interface ModuleQuestion {
  readonly primary: Copy;
  readonly choice: Choice;
  /** Of --main. */
  readonly mainSize: Sectors | undefined;
  /** Somebody says that the module wrote this device: a header without a magic counts then. */
  readonly told: boolean;
}

/**
 * What the kernel module left on a device (format.md section 7). An image of which a checksum of ours fits is ours,
 * whatever else it looks like.
 */
export async function moduleImageOn(
  device: BlockDevice,
  { primary, choice, mainSize, told }: ModuleQuestion,
): Promise<ModuleImage | undefined> {
  if (isOurs(choice) || isValid(primary)) return undefined;
  const bare = told && !choice.evidence;
  if (!hasMagic(primary) && !bare) return undefined;
  const front = await moduleFront(device);
  if (front === undefined) return undefined;
  const evidence = bare ? recogniseBare(front) : recogniseModule(front, told);
  if (evidence === undefined) return undefined;
  return readModuleImage(front, evidence, { primary, spareSize: bytesToSectors(device.size), mainSize });
}

function isOurs({ chosen, others, unsupported }: Choice): boolean {
  return chosen !== undefined || unsupported.length > 0 || others.some(({ copy }) => isSealed(copy));
}

/** The module on a spare that never held a header: a guess about any other device. */
export async function bareModuleEvidence(device: BlockDevice): Promise<ModuleEvidence | undefined> {
  const front = await moduleFront(device);
  return front === undefined ? undefined : recogniseBare(front);
}

/** The module in place of our primary, where a backup of ours is whole and nothing else tells whose the front is. */
export async function moduleOverPrimary(
  device: BlockDevice,
  primary: Copy,
  choice: Choice,
): Promise<ModuleEvidence | undefined> {
  if (choice.chosen !== undefined || !isOurs(choice) || !hasMagic(primary) || isValid(primary))
    return undefined;
  const front = await moduleFront(device);
  return front === undefined ? undefined : recogniseModule(front);
}

/** Undefined where the device is too small or cannot be read there. */
async function moduleFront(device: BlockDevice): Promise<Uint8Array | undefined> {
  const front = new Uint8Array(roundUp(MODULE_METADATA_SIZE, device.logicalBlockSize));
  if (device.size < front.length) return undefined;
  return (await readAround(device, bytes(0), front)).length > 0 ? undefined : front;
}
