import { encodeHeader } from '../../format/header.js';
import type { Bytes } from '../../units.js';
import { Place } from './place.js';
import type { DamagedSet } from './reading.js';

/** All places of a damaged set, the primary first, put right as far as that needs no search. */
export interface Places {
  readonly deviceSize: Bytes;
  readonly primary: Place;
  readonly backups: readonly Place[];
  readonly all: readonly Place[];
}

export function placesOf({ deviceSize, primary, backups }: DamagedSet): Places {
  const front = new Place(primary, deviceSize);
  const others = backups.map((reading) => new Place(reading, deviceSize));
  return { deviceSize, primary: front, backups: others, all: [front, ...others] };
}

/** Whether two places hold the same content, damaged in the same way: only one of them is to be searched. */
export function sameContentAsRead(a: Place, b: Place): boolean {
  const { max_entries, entry_count } = a.header;
  if (Buffer.compare(a.normal, b.normal) !== 0) return false;
  const [tableA, tableB] = [a.slots(max_entries, entry_count), b.slots(max_entries, entry_count)];
  return tableA !== undefined && tableB !== undefined && Buffer.compare(tableA, tableB) === 0;
}

/** The header blocks are equal but for copy, checksum and entry_count. */
export function sameHeaderButCount(a: Place, b: Place): boolean {
  const [one, other] = [a.normal, b.normal].map((block) => encodeHeader({ entry_count: 0 }, block));
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
