import { identify } from '../device/identity.js';
import { openDevice } from '../device/open.js';
import { DmremapError } from '../errors.js';
import { type Header, hasExtension } from '../format/header.js';
import { judgeSet, type Member } from '../migrate/pairs.js';
import { chooseCopy } from '../store/choose.js';
import { loadCopies } from '../store/load.js';
import { type Candidate, listBlockDevices } from './list.js';

/** How a device may be named without a path (cli.md, “Devices”). */
const TAGS = ['SET', 'SPARE', 'WWN', 'PARTUUID'] as const;
type Tag = (typeof TAGS)[number];

/** A device that does not answer for so long, in milliseconds, is left out of a search. */
const PATIENCE = 10_000;

/**
 * The path of a device: a path is given back as it is, a tag is looked up among the block devices of the
 * machine, without udev.
 *
 * @throws DmremapError `no-such-device`, `ambiguous` (clones, several paths to one disk)
 */
export async function resolveDevice(text: string): Promise<string> {
  const tag = TAGS.find((name) => text.startsWith(`${name}=`));
  if (tag === undefined) return text;
  const wanted = text
    .slice(tag.length + 1)
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase();
  const found = await search(tag, wanted);
  const [first, second] = found;
  if (first === undefined)
    throw new DmremapError('no-such-device', `no device of this machine is ${text}`, {
      hint: 'dmremap scan lists the spares that can be seen',
    });
  if (second !== undefined)
    throw new DmremapError('ambiguous', `several devices are ${text}: ${found.join(', ')}`, {
      hint: 'name one of them by its path',
      data: { devices: found },
    });
  return first;
}

function search(tag: Tag, wanted: string): Promise<string[]> {
  switch (tag) {
    case 'WWN':
      return devicesWhere(async (device) => (await identify(device)).mainId === `wwn:${wanted}`);
    case 'PARTUUID':
      return devicesWhere(async (device) => (await identify(device)).partuuid?.toLowerCase() === wanted);
    case 'SPARE':
      return sparesWhere(
        ({ spare_uuid }) => spare_uuid === wanted,
        (members) => members.map(({ name }) => name),
      );
    case 'SET':
      return sparesWhere(({ set_uuid }) => set_uuid === wanted, activeOf);
  }
}

async function devicesWhere(is: (device: Candidate) => Promise<boolean>): Promise<string[]> {
  const devices = listBlockDevices();
  const answers = await Promise.all(devices.map(is));
  return devices.filter((_, index) => answers[index]).map(({ path }) => path);
}

async function sparesWhere(
  is: (header: Header) => boolean,
  select: (members: readonly Member[]) => string[],
): Promise<string[]> {
  const headers = await Promise.all(
    listBlockDevices().map(async ({ path }) => ({ path, header: await withinPatience(readChosen(path)) })),
  );
  const members = headers.flatMap(({ path, header }) =>
    header !== undefined && hasExtension(header) && is(header) ? [memberOf(path, header)] : [],
  );
  return members.length === 0 ? [] : select(members);
}

/** The set's active spare; where none can be told, all of them, which is ambiguous. */
function activeOf(members: readonly Member[]): string[] {
  const { active } = judgeSet(members);
  return active === undefined ? members.map(({ name }) => name) : [active.name];
}

export function memberOf(name: string, header: Header): Member {
  return { ...header, name };
}

async function readChosen(path: string): Promise<Header | undefined> {
  try {
    const device = await openDevice(path, { mode: 'read' });
    try {
      return chooseCopy(await loadCopies(device)).chosen?.header;
    } finally {
      await device.close();
    }
  } catch (error) {
    // a device that cannot be read is not the one that is looked for
    if (error instanceof DmremapError) return undefined;
    throw error;
  }
}

function withinPatience<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
