import { busy } from '../../device/claim.js';
import { holdersOf } from '../../device/holders.js';
import { DmremapError } from '../../errors.js';
import { nobody, type Owner } from '../../exchange/owners/owner.js';
import type { Header } from '../../format/header.js';
import { type MainChoice, type MainDevice, resolveMain } from '../main-device.js';
import { withDevice } from '../open-device.js';
import { type Filesystem, filesystemOn, type Volume, volumesOf } from '../volumes.js';
import { tellOfBtrfs } from './btrfs.js';
import { tellOfExt } from './ext.js';
import { askTool, type Tell } from './teller.js';
import { tellOfXfs } from './xfs.js';

/** Sectors of main that lie side by side and belong together. */
export interface OwnedRun {
  readonly main_sector: number;
  readonly count: number;
  /** Null where there is none that is known. */
  readonly filesystem: Filesystem | null;
  readonly owner: Owner;
}

/** Sectors that are asked about at once, at most: they are words on the command line of a tool. */
const MOST_SECTORS = 8192;

export interface Owners {
  readonly runs: readonly OwnedRun[];
  readonly warnings: readonly string[];
}

/**
 * Which files remapped sectors belong to, on the main of a set that was named or is found.
 *
 * @throws DmremapError as resolveMain and ownersOf
 */
export async function ownersOnMain(
  spare: string,
  header: Header,
  choice: MainChoice,
  sectors: Iterable<number>,
): Promise<Owners> {
  const main = await withDevice(spare, 'read', (device) => resolveMain(device, header, choice));
  const asked = atMost(sectors);
  const doubt = `${main.path} is read as it lies, without what is remapped and without what a journal still holds: where structures of the filesystem itself are among it, the files may be wrong`;
  return {
    runs: await ownersOf(main, asked),
    warnings: [...main.warnings, ...(asked.length === 0 ? [] : [doubt])],
  };
}

function atMost(sectors: Iterable<number>): number[] {
  const asked: number[] = [];
  for (const sector of sectors) {
    if (asked.length === MOST_SECTORS)
      throw new DmremapError(
        'usage',
        `more than ${MOST_SECTORS} remapped sectors are too many to ask for their files`,
      );
    asked.push(sector);
  }
  return asked;
}

/**
 * Which files sectors of main belong to, as the filesystem on main itself says. Reads only, by programs that
 * only read.
 *
 * @throws DmremapError `busy` where main is mounted or held: it would change while it is read
 */
async function ownersOf(main: MainDevice, sectors: readonly number[]): Promise<OwnedRun[]> {
  await refuseHeld(main);
  const volumes = await volumesOf(main);
  const byVolume = new Map<Volume, number[]>();
  for (const sector of sectors) {
    const volume = volumes.find(({ start, sectors: count }) => sector >= start && sector < start + count);
    if (volume === undefined) continue;
    const inside = byVolume.get(volume) ?? [];
    inside.push(sector);
    byVolume.set(volume, inside);
  }
  const owned: OwnedRun[] = [];
  for (const [volume, inside] of byVolume) owned.push(...(await runsIn(main, volume, inside)));
  return owned.sort((a, b) => a.main_sector - b.main_sector);
}

function refuseHeld({ path }: MainDevice): Promise<void> {
  return withDevice(path, 'read', async (device) => {
    const holders = holdersOf(device);
    if (holders.length > 0) throw busy(path, holders);
  });
}

async function runsIn(main: MainDevice, volume: Volume, sectors: readonly number[]): Promise<OwnedRun[]> {
  const filesystem = (await filesystemOn(main, volume)) ?? null;
  const tell = filesystem === null ? tellNothing : TELLERS[filesystem];
  const ownerOf = await tell(askTool, volume, sectors);
  const runs: OwnedRun[] = [];
  for (const sector of sectors) {
    const owner = ownerOf(sector);
    const last = runs.at(-1);
    if (last !== undefined && last.main_sector + last.count === sector && isSame(last.owner, owner))
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ main_sector: sector, count: 1, filesystem, owner });
  }
  return runs;
}

function isSame(one: Owner, other: Owner): boolean {
  return (
    one.inode === other.inode && one.note === other.note && one.paths.join('\0') === other.paths.join('\0')
  );
}

const tellNothing: Tell = async () => () => nobody('no filesystem that is known');

const TELLERS: { readonly [filesystem in Filesystem]: Tell } = {
  ext2: tellOfExt,
  ext3: tellOfExt,
  ext4: tellOfExt,
  xfs: tellOfXfs,
  btrfs: tellOfBtrfs,
};
