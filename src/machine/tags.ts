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
  const found = await search(tag, wantedBy(text, tag));
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

function wantedBy(text: string, tag: Tag): string {
  return text
    .slice(tag.length + 1)
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase();
}

/**
 * What is checked where a set is named: both spares where a migration between them was cut short at the end, which
 * takes both to be ended (format.md section 8); else the device as it was named.
 */
export async function sparesToCheck(text: string): Promise<readonly string[]> {
  if (!text.startsWith('SET=')) return [text];
  const { findings } = judgeSet(await membersOfSet(wantedBy(text, 'SET')));
  const pair = findings.find((finding) => 'source' in finding);
  return pair === undefined ? [text] : [pair.source.name, pair.target.name];
}

async function search(tag: Tag, wanted: string): Promise<string[]> {
  switch (tag) {
    case 'WWN':
      return devicesWhere(async (device) => (await identify(device)).mainId === `wwn:${wanted}`);
    case 'PARTUUID':
      return devicesWhere(async (device) => (await identify(device)).partuuid?.toLowerCase() === wanted);
    case 'SPARE':
      return (await membersWhere(({ spare_uuid }) => spare_uuid === wanted)).map(({ name }) => name);
    case 'SET':
      return activeOf(await membersOfSet(wanted));
  }
}

async function devicesWhere(is: (device: Candidate) => Promise<boolean>): Promise<string[]> {
  const devices = listBlockDevices();
  const answers = await Promise.all(devices.map(is));
  return devices.filter((_, index) => answers[index]).map(({ path }) => path);
}

function membersOfSet(wanted: string): Promise<Member[]> {
  return membersWhere(({ set_uuid }) => set_uuid === wanted);
}

async function membersWhere(is: (header: Header) => boolean): Promise<Member[]> {
  const answering = listBlockDevices().filter(({ suspended }) => !suspended);
  const headers = await Promise.all(
    answering.map(async ({ path }) => ({ path, header: await withinPatience(readChosen(path)) })),
  );
  return headers.flatMap(({ path, header }) =>
    header !== undefined && hasExtension(header) && is(header) ? [memberOf(path, header)] : [],
  );
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
