import { ascii, end, hex, type Place, type SignatureRow, start } from './signature.js';

/**
 * ZFS keeps four labels of 256 KiB, two at the front and two at the end of the device cut to a multiple of
 * 256 KiB. A label: 16 KiB blank, name-value list of 112 KiB, uberblock ring of 128 KiB.
 */

const LABEL = 256 * 1024;
const LIST = 16 * 1024;
const RING = 128 * 1024;

/** A slot has 1, 2, 4 or 8 KiB by the pool's sector size: the smallest step meets them all. */
const SLOT = 1024;

/** Older than the feature flags: 1 to 28. With them: 5000. */
const NEWEST_VERSION = 5000n;

/** The sum of random 64-bit numbers; a remap table that meets the magic has sector numbers in its place. */
const LEAST_GUID_SUM = 1n << 40n;

/** All fields are in the byte order of the magic before them. */
function uberblockPlausible(uberblock: DataView): boolean {
  const little = uberblock.getUint8(0) === 0x0c;
  const version = uberblock.getBigUint64(8, little);
  return version >= 1n && version <= NEWEST_VERSION && uberblock.getBigUint64(24, little) >= LEAST_GUID_SUM;
}

/** The list is in XDR, which is big-endian; its first pair is called "version". */
function listPlausible(list: DataView): boolean {
  const name = ascii('version\0');
  return list.getUint32(20) === name.length - 1 && name.every((byte, i) => list.getUint8(24 + i) === byte);
}

/** The places of one part in all four labels. */
function inEachLabel(part: number): readonly Place[] {
  return [start(part), start(LABEL + part), end(2 * LABEL, LABEL, part), end(LABEL, LABEL, part)];
}

export const zfsRows: readonly SignatureRow[] = [
  {
    id: 'zfs',
    name: 'ZFS pool member',
    places: inEachLabel(RING),
    ring: { step: SLOT, count: RING / SLOT },
    magicAt: 0,
    magics: [hex('0c b1 ba 00 00 00 00 00'), hex('00 00 00 00 00 ba b1 0c')],
    needs: 32,
    plausible: uberblockPlausible,
  },
  {
    id: 'zfs-list',
    name: 'ZFS pool member',
    places: inEachLabel(LIST),
    magicAt: 0,
    // XDR; the byte order of the machine that wrote it; two blank bytes; version 0; unique names.
    magics: [hex('01 01 00 00 00 00 00 00 00 00 00 01'), hex('01 00 00 00 00 00 00 00 00 00 00 01')],
    needs: 32,
    plausible: listPlausible,
  },
];
