import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import { HEADER_SIZE } from '../format/header.js';
import {
  type DamagedSet,
  type PlaceReading,
  type Range,
  regionsToRead,
  type Witness,
} from '../repair/reconstruct/reading.js';
import type { Copy } from '../store/copy.js';
import { type LoadedCopies, neverStill, standsStill } from '../store/load.js';
import { bytes } from '../units.js';

/**
 * Everything that a reconstruction looks at of a device on which no copy is valid: the headers as they were
 * loaded and the tables beside them. What cannot be read is zero and named. Reads only; holds at most the
 * tables that regionsToRead allows.
 *
 * @param witnesses may tell how large the tables are
 * @param headersLost a table is to be found although no header tells of it
 * @throws DmremapError `busy` where the headers change meanwhile
 */
export async function readDamagedSet(
  device: BlockDevice,
  { primary, backups }: LoadedCopies,
  witnesses: readonly Witness[] = [],
  headersLost = false,
): Promise<DamagedSet> {
  const copies = [primary, ...backups];
  const regions = regionsToRead(copies, device.size, witnesses, headersLost);
  const places: PlaceReading[] = [];
  for (const [index, copy] of copies.entries())
    places.push(await readPlace(device, copy, regions[index] ?? { at: bytes(0), length: bytes(0) }));
  const readable = copies.filter(({ unreadable }) => unreadable.length === 0);
  if (!(await standsStill(device, readable))) throw neverStill(device);
  const [front, ...others] = places;
  if (front === undefined) throw new Error('no place was read');
  return { deviceSize: device.size, primary: front, backups: others };
}

async function readPlace(
  device: BlockDevice,
  { name, headerAt, block, unreadable }: Copy,
  { at, length }: Range,
): Promise<PlaceReading> {
  const region = new Uint8Array(length);
  const bad = length === 0 ? [] : await readAround(device, at, region);
  const ofHeader = unreadable.filter((range) => range.at >= headerAt && range.at < headerAt + HEADER_SIZE);
  return { name, headerAt, block, region, unreadable: [...ofHeader, ...bad] };
}
