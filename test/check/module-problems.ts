import type { EntryPlace } from '../../src/check/finding.js';
import type { Entry } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { acceptedImage, type ModuleSpec, writtenImage } from '../support/module-image.js';
import type { ProblemCase } from './problem-case.js';

/** Spares of the kernel module: what it wrote itself, and images built as section 7 says that it writes. */

const SPEC: ModuleSpec = {
  sectors: 2048,
  mainSectors: 16_384,
  entries: [
    [800, 64],
    [160, 65],
  ],
  generation: 1,
};

function image(name: string): Buffer {
  return fixture(`module/v3-${name}.spare`);
}

function place(index: number, [main, spare]: readonly [number, number]): EntryPlace {
  return { index, main_sector: BigInt(main), spare_sector: BigInt(spare) };
}

const PRIMARY = { copy: 'primary' } as const;
const FIRST = { ...PRIMARY, byte: 4096 };
const COUNT = { ...PRIMARY, field: 'entry_count', byte: 32 };
const STATE = { ...PRIMARY, field: 'state', byte: 56 };

/** An accepted image with another state, under the checksum that fits it. */
function unclean(): Buffer {
  return acceptedImage({ ...SPEC, state: 1 });
}

function changed(base: Buffer, change: (base: Buffer) => unknown): Buffer {
  change(base);
  return base;
}

const FULL: readonly Entry[] = Array.from({ length: 252 }, (_, slot): Entry => [8 * slot, 64 + slot]);

export const MODULE_CASES: readonly ProblemCase[] = [
  {
    id: 'module-accepted',
    image: acceptedImage(SPEC),
    whole: [],
    finds: PRIMARY,
    detail: /self-consistent/,
  },
  {
    id: 'module-image',
    image: image('over252'),
    whole: [],
    finds: PRIMARY,
    detail: /run on without a gap, total_remaps_created 3 is less than its 252/,
    companions: ['module-first-entry-lost', 'module-unaligned', 'module-full'],
  },
  {
    id: 'module-state',
    image: unclean(),
    whole: [],
    finds: { ...STATE, stored: 1, expected: 0 },
    companions: ['module-accepted'],
  },
  {
    id: 'module-first-entry-proven',
    image: image('scratch'),
    whole: [],
    finds: { ...FIRST, stored: 0, expected: 12345 },
    companions: ['module-image', 'module-unaligned'],
  },
  {
    id: 'module-first-entry-proven',
    image: image('nomagic'),
    whole: [],
    finds: { ...FIRST, stored: 0, expected: 12345 },
    companions: ['module-image', 'module-unaligned'],
    options: { module: true },
  },
  {
    id: 'module-first-entry-lost',
    image: image('adopted'),
    whole: [],
    finds: { ...FIRST, stored: 12345, expected: 64 },
    detail: /^With --main MAIN/,
    companions: ['module-image', 'module-unaligned'],
  },
  {
    id: 'module-filler',
    image: writtenImage({ ...SPEC, entries: [...SPEC.entries, [0, 0], [0, 0], [0, 0]] }, 'fresh'),
    whole: [],
    finds: { ...PRIMARY, count: 3 },
    companions: ['module-image', 'module-first-entry-proven'],
  },
  {
    id: 'module-torn',
    image: image('nvme-torn'),
    whole: [],
    finds: {
      ...COUNT,
      stored: 2,
      count: 3,
      entries: [place(0, [12345, 64]), place(1, [777, 65]), place(2, [4000, 66])],
    },
    companions: ['module-image', 'module-unaligned'],
  },
  {
    id: 'module-unfinished',
    image: changed(acceptedImage({ ...SPEC, generation: 8 }), (one) => one.writeUInt32LE(2, 56)),
    whole: [],
    finds: { ...STATE, stored: 2, count: 2 },
    companions: ['module-image'],
  },
  {
    id: 'module-table-missing',
    image: changed(acceptedImage({ ...SPEC, generation: 8 }), (one) => {
      one.writeUInt32LE(2, 56);
      one.fill(0, 4096, 8192);
    }),
    whole: [],
    finds: { ...COUNT, stored: 2 },
    companions: ['module-image'],
  },
  {
    id: 'module-full',
    image: acceptedImage({ ...SPEC, entries: FULL }),
    whole: [],
    finds: PRIMARY,
    companions: ['module-accepted'],
  },
  {
    id: 'module-gap',
    image: acceptedImage({
      ...SPEC,
      entries: [
        [800, 64],
        [160, 65],
        [240, 67],
        [320, 68],
      ],
    }),
    whole: [],
    finds: {
      ...PRIMARY,
      count: 2,
      expected: 66,
      entries: [place(2, [240, 67]), place(3, [320, 68])],
    },
    companions: ['module-accepted'],
  },
  {
    id: 'module-gap',
    image: image('gap-before'),
    whole: [],
    finds: { ...PRIMARY, count: 2, expected: 71, entries: [place(1, [200, 72]), place(2, [300, 10])] },
    companions: ['module-accepted', 'module-unaligned', 'spare-in-metadata'],
  },
  {
    id: 'module-unaligned',
    image: image('accepted'),
    whole: [],
    finds: { ...PRIMARY, count: 2, entries: [place(0, [12345, 64]), place(1, [777, 65])] },
    detail: /^With --main MAIN/,
    companions: ['module-accepted'],
  },
  {
    id: 'main-duplicate',
    image: writtenImage({ ...SPEC, entries: [...SPEC.entries, [160, 66]] }, 'fresh'),
    whole: [],
    finds: { ...PRIMARY, count: 2, entries: [place(1, [160, 65]), place(2, [160, 66])] },
    companions: ['module-image', 'module-first-entry-proven'],
  },
];
