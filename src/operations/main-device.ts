import type { MainFacts } from '../check/survey.js';
import { identify } from '../device/identity.js';
import { DmremapError } from '../errors.js';
import { type Header, hasExtension } from '../format/header.js';
import { listBlockDevices } from '../machine/list.js';
import { bytesToSectors } from '../units.js';
import { judgeRelation, type NamedMedium } from './main-relation.js';
import { withDevice } from './open-device.js';

/** Main as the user named it or as the machine knows it. */
export interface MainDevice extends MainFacts, NamedMedium {
  /** In bytes. */
  readonly logicalBlockSize: number;
}

/** The main of a set whose spare is at hand. */
export interface ResolvedMain extends MainDevice {
  /** Both lie on one physical disk. */
  readonly warnings: readonly string[];
}

/** How a device without an identity is called where one must be named. */
export const NO_IDENTITY = 'none';

export function readMain(path: string): Promise<MainDevice> {
  return withDevice(path, 'read', async (device) => ({
    path,
    name: path,
    size: bytesToSectors(device.size),
    id: (await identify(device)).mainId,
    deviceNumber: device.deviceNumber,
    realPath: device.realPath,
    dev: device.dev,
    ino: device.ino,
    logicalBlockSize: device.logicalBlockSize,
  }));
}

export interface MainChoice {
  /** --main. */
  readonly main?: string | undefined;
  /** The identity that --accept-main repeats; `none` for a device without one. */
  readonly acceptMain?: string | undefined;
}

/**
 * The main of a set: the one that was named, if it is the recorded one or accepted by its identity; without
 * a name the one device of the machine that has the recorded identity and size.
 *
 * @throws DmremapError `wrong-main`, `no-such-device`, `ambiguous`, `usage` where the set records no identity,
 * `wrong-device` where it is the spare itself, a part of it or around it
 */
export async function resolveMain(
  spare: NamedMedium,
  header: Header,
  { main: named, acceptMain }: MainChoice,
): Promise<ResolvedMain> {
  const main = named === undefined ? await findMain(header) : await readMain(named);
  const warning = judgeRelation(spare, main);
  refuseOtherMain(header, main, acceptMain);
  return { ...main, warnings: warning === undefined ? [] : [warning] };
}

function refuseOtherMain(header: Header, main: MainDevice, accepted: string | undefined): void {
  const recorded = recordedId(header);
  const size = BigInt(main.size);
  const same = size === header.main_device_size && (recorded === '' || recorded === main.id);
  if (!same && accepted !== orNone(main.id)) throw wrongMain(header, main);
  if (size < header.main_device_size)
    throw new DmremapError(
      'wrong-main',
      `${main.path} has ${size} sectors, the set needs ${header.main_device_size}`,
    );
}

function recordedId(header: Header): string {
  return hasExtension(header) ? header.main_id : '';
}

function orNone(id: string): string {
  return id === '' ? NO_IDENTITY : id;
}

function described(id: string): string {
  return id === '' ? 'no identity' : `identity ${id}`;
}

function wrongMain(header: Header, main: MainDevice): DmremapError {
  return new DmremapError(
    'wrong-main',
    `${main.path} is not the main of this set: it has ${described(main.id)} and ${main.size} sectors, ` +
      `the set was made for one with ${described(recordedId(header))} and ${header.main_device_size} sectors`,
    {
      hint: `if it is a copy of that main: --accept-main ${orNone(main.id)}`,
      data: {
        main_id: main.id,
        main_sectors: main.size,
        recorded_main_id: recordedId(header),
        recorded_main_sectors: header.main_device_size,
      },
    },
  );
}

async function findMain(header: Header): Promise<MainDevice> {
  const recorded = recordedId(header);
  if (recorded === '')
    throw new DmremapError('usage', 'this set records no identity of its main: name it with --main');
  const found = await attachedMains(header);
  const [main, other] = found;
  if (main === undefined)
    throw new DmremapError('no-such-device', `the main of this set (${recorded}) is not attached`, {
      hint: 'name it with --main',
      data: { main_id: recorded },
    });
  if (other !== undefined)
    throw new DmremapError(
      'ambiguous',
      `several devices are ${recorded}: ${found.map(({ path }) => path).join(', ')}`,
      {
        hint: 'name one with --main',
      },
    );
  return main;
}

/**
 * Every device of the machine that has the recorded identity and size: all the paths of a multipath disk. For
 * keeping off main where nothing else is done with it; none where the set records no identity.
 */
export async function attachedMains(header: Header): Promise<MainDevice[]> {
  const recorded = recordedId(header);
  const found: MainDevice[] = [];
  if (recorded === '') return found;
  for (const { path, size, deviceNumber } of listBlockDevices()) {
    if (BigInt(bytesToSectors(size)) !== header.main_device_size) continue;
    if ((await identify({ deviceNumber })).mainId === recorded) found.push(await readMain(path));
  }
  return found;
}
