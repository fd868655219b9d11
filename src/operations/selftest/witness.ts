import type { BlockDevice } from '../../device/block-device.js';
import { DmremapError } from '../../errors.js';
import { extendCrc } from '../../format/checksum.js';
import { type Header, isRedundant } from '../../format/header.js';
import type { Choice } from '../../store/choose.js';
import type { Copy } from '../../store/copy.js';
import { loadChoice } from '../../store/load-choice.js';
import type { ModuleImage } from '../../store/module-image.js';
import { bytes, SECTOR_SIZE } from '../../units.js';
import { moduleImageOn } from '../module-evidence.js';

/** Says what a device holds, so that two states can be held against each other. */
export interface Witness {
  /**
   * The remaps with their data and what else of the metadata no power cut may change; equal for equal ones.
   * Undefined where nothing valid is there but something was.
   */
  tell(device: BlockDevice): Promise<string | undefined>;
  /** What more it demands of a state that recovery has left; the complaint, or undefined. */
  complain?(device: BlockDevice): Promise<string | undefined>;
}

/** What a device without a set holds. */
export const NO_SET = 'no set';

/** Fields that a recovery may change, or that follow from the others. */
const HEADER_FIELDS = [
  'max_entries',
  'main_device_size',
  'creation_time',
  'role',
] as const satisfies readonly (keyof Header)[];

/** The witness by this program's own loading. */
export const ownWitness: Witness = {
  async tell(device) {
    const { choice, copies, table: own } = await loadChoice(device);
    const module = await acceptedByModule(device, copies.primary, choice);
    const chosen = choice.chosen ?? module?.copy;
    const table = own ?? module?.content.table;
    if (chosen === undefined || table === undefined) return choice.evidence ? undefined : NO_SET;
    const lines = HEADER_FIELDS.map((name) => `${name} ${chosen.header[name]}`);
    lines.push(`redundant ${isRedundant(chosen.header)}`);
    const remaps: string[] = [];
    for (const index of table.live()) {
      const sector = table.spareSector(index);
      remaps.push(`${table.mainSector(index)} at ${sector}: ${await sumOf(device, sector)}`);
    }
    return [...lines, ...remaps.sort()].join('\n');
  },
};

/** A set in the layout of the kernel module tells the same as a plain one. */
async function acceptedByModule(
  device: BlockDevice,
  primary: Copy,
  choice: Choice,
): Promise<ModuleImage | undefined> {
  const image = await moduleImageOn(device, { primary, choice, mainSize: undefined, told: false });
  return image?.standing === 'accepted' ? image : undefined;
}

async function sumOf(device: BlockDevice, sector: number): Promise<string> {
  const block = new Uint8Array(SECTOR_SIZE);
  try {
    await device.read(bytes(sector * SECTOR_SIZE), block);
  } catch (error) {
    if (error instanceof DmremapError) return error.message;
    throw error;
  }
  return extendCrc(0, block).toString(16);
}

/** The same witness where the data of remaps may go to other sectors: it tells what they hold, not where. */
export function withoutPlaces(witness: Witness): Witness {
  return {
    ...witness,
    tell: async (device) => (await witness.tell(device))?.replaceAll(/^(\d+) at \d+: /gm, '$1: '),
  };
}

/** The same witness where a set of one layout becomes one of another on the way to a third: it tells no layout. */
export function withoutLayout(witness: Witness): Witness {
  return {
    ...witness,
    tell: async (device) => (await witness.tell(device))?.replace(/^redundant .*\n?/m, ''),
  };
}
