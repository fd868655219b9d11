import { ascii, hex, type SignatureRow, start } from './signature.js';

/** Layers between disk and filesystem: encryption, logical volumes, stores of larger systems. */

const LUKS = hex('4c 55 4b 53 ba be');
const LUKS2_SECOND = hex('53 4b 55 4c ba be');

/** The second LUKS2 header follows the first, whose length is one of these. */
const LUKS2_LENGTHS = [0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000];

function luksRow(id: string, name: string, version: number): SignatureRow {
  return {
    id,
    name,
    places: [start(0)],
    magicAt: 0,
    magics: [LUKS],
    needs: 8,
    plausible: (header) => header.getUint16(6) === version,
  };
}

export const volumeRows: readonly SignatureRow[] = [
  luksRow('luks1', 'LUKS1 encrypted volume', 1),
  luksRow('luks2', 'LUKS2 encrypted volume', 2),
  {
    id: 'luks2-second',
    name: 'LUKS2 encrypted volume (second header)',
    places: LUKS2_LENGTHS.map(start),
    magicAt: 0,
    magics: [LUKS2_SECOND],
    needs: 264,
    // It names its own offset: one that belongs to a volume further in on this device does not fit.
    plausible: (header, { at }) => header.getUint16(6) === 2 && header.getBigUint64(256) === BigInt(at),
  },
  {
    id: 'lvm2',
    name: 'LVM2 physical volume',
    places: [start(0)],
    ring: { step: 512, count: 4 },
    magicAt: 0,
    magics: [ascii('LABELONE')],
    needs: 32,
    // The label names its sector and its type, "LVM2 001".
    plausible: (label, { at }) =>
      label.getBigUint64(8, true) === BigInt(at / 512) && label.getBigUint64(24) === 0x4c56_4d32_2030_3031n,
  },
  {
    id: 'vdo',
    name: 'VDO volume',
    places: [start(0)],
    magicAt: 0,
    magics: [ascii('dmvdo001')],
  },
  {
    id: 'bluestore',
    name: 'Ceph BlueStore device',
    places: [start(0)],
    magicAt: 0,
    magics: [ascii('bluestore block device')],
  },
];
