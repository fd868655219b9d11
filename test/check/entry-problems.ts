import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { sectors } from '../../src/units.js';
import type { Entry, ImageSpec } from '../support/build-image.js';
import { EMPTY_SLOT } from '../support/format-numbers.js';
import { type ProblemCase, spare } from './problem-case.js';

/** One case for each problem of the entries, of their data and of main. */

/** Two sound entries and these. */
function withEntries(...entries: readonly Entry[]): readonly Entry[] {
  return [[100, 300], [200, 301], ...entries];
}

function entry(index: number, main: number | bigint, spareSector: number | bigint) {
  return { index, main_sector: BigInt(main), spare_sector: BigInt(spareSector) };
}

const both = { whole: ['primary', 'backup'] } as const;
const table = (...entries: readonly Entry[]): Partial<ImageSpec> => ({ entries: withEntries(...entries) });
const MAIN_ID = { main_id: 'wwn:0x5000c500a1b2c3d4' };
const main = { name: '/dev/sdx', size: sectors(2_000_000), id: 'wwn:0x5000c500a1b2c3d4' };

export const ENTRY_CASES: readonly ProblemCase[] = [
  {
    id: 'main-out-of-range',
    image: spare(table([2_000_000, 302], [1_999_999, 303], [2n ** 64n - 2n, 304])),
    ...both,
    finds: {
      copy: 'primary',
      count: 2,
      entries: [entry(2, 2_000_000, 302), entry(4, 2n ** 64n - 2n, 304)],
      expected: 2_000_000,
    },
  },
  {
    id: 'spare-in-metadata',
    image: spare(table([1, 39], [2, 40], [3, 2007], [4, 2008], [5, 0])),
    ...both,
    finds: {
      copy: 'primary',
      count: 3,
      entries: [entry(2, 1, 39), entry(5, 4, 2008), entry(6, 5, 0)],
      expected: 'sectors 40 to 2007',
    },
  },
  {
    id: 'spare-in-metadata',
    image: spare({ layout: 'plain', ...table([1, 39], [2, 2047]) }),
    whole: ['primary'],
    finds: { copy: 'primary', count: 1, entries: [entry(2, 1, 39)], expected: 'sectors 40 to 2047' },
  },
  {
    id: 'spare-out-of-range',
    image: spare(table([1, 2048], [2, 2n ** 64n - 1n])),
    ...both,
    finds: {
      copy: 'primary',
      count: 2,
      entries: [entry(2, 1, 2048), entry(3, 2, 2n ** 64n - 1n)],
      expected: 2048,
    },
  },
  {
    id: 'main-duplicate',
    image: spare(table([100, 302], [7, 303], [100, 304])),
    ...both,
    finds: {
      copy: 'primary',
      count: 3,
      entries: [entry(0, 100, 300), entry(2, 100, 302), entry(4, 100, 304)],
    },
  },
  {
    id: 'spare-shared',
    image: spare(table([7, 301], [8, 303])),
    ...both,
    finds: { copy: 'primary', count: 2, entries: [entry(1, 200, 301), entry(2, 7, 301)] },
  },
  {
    id: 'slot-empty',
    image: spare(table([EMPTY_SLOT, 0], [7, 303], [EMPTY_SLOT, 300])),
    ...both,
    finds: {
      copy: 'primary',
      count: 2,
      entries: [entry(2, EMPTY_SLOT, 0), entry(4, EMPTY_SLOT, 300)],
    },
  },
  {
    id: 'slot-empty-plain',
    image: spare({ layout: 'plain', ...table([EMPTY_SLOT, 0], [7, 303]) }),
    whole: ['primary'],
    finds: { copy: 'primary', count: 1, entries: [entry(2, EMPTY_SLOT, 0)] },
  },
  {
    id: 'data-unreadable',
    image: spare(table([7, 303], [EMPTY_SLOT, 600])),
    ...both,
    finds: { count: 2 },
    detail: '301',
    companions: ['slot-empty'],
    options: { media: true },
    around: (device) => {
      const errors = new ErrorDevice(device);
      for (const sector of [301, 302, 303, 600]) errors.addFault({ sector, on: 'read' });
      return errors;
    },
  },
  {
    id: 'main-size-differs',
    image: spare({}),
    ...both,
    finds: { copy: 'primary', field: 'main_device_size', byte: 40, stored: 2_000_000n, expected: 1_999_999 },
    detail: '/dev/sdx',
    options: { main: { ...main, size: sectors(1_999_999) } },
  },
  {
    id: 'main-identity-differs',
    image: spare({ fields: MAIN_ID }),
    ...both,
    finds: { copy: 'primary', field: 'main_id', byte: 256, stored: MAIN_ID.main_id, expected: 'serial:X' },
    detail: '/dev/sdx',
    options: { main: { ...main, id: 'serial:X' } },
  },
  {
    id: 'main-identity-differs',
    image: spare({ fields: MAIN_ID }),
    ...both,
    finds: {
      copy: 'primary',
      field: 'main_id',
      byte: 256,
      stored: MAIN_ID.main_id,
      expected: 'without an identity',
    },
    detail: '/dev/sdx',
    options: { main: { ...main, id: '' } },
  },
];
