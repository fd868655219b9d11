import type { ProblemId } from '../../src/check/catalogue/index.js';
import type { Fields, ImageSpec } from '../support/build-image.js';
import { patchSealed, seal } from '../support/build-image.js';
import { FIELDS, type FieldName } from '../support/format-numbers.js';
import { END, type ProblemCase, SPEC, spare } from './problem-case.js';

/** One case for each problem of the chosen header and of the size of the device. */

const PEER = '0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b';
const peer: Fields = { peer_uuid: Buffer.alloc(16, 0x0b) };

/** A field of both copies under right checksums; the primary is chosen, or the backup where that is lost. */
function field(
  id: ProblemId,
  name: FieldName,
  spec: Partial<ImageSpec>,
  facts: ProblemCase['finds'],
  more: Partial<ProblemCase> = {},
): ProblemCase[] {
  const [offset] = FIELDS[name];
  const common = { id, ...more };
  const chosen = {
    ...common,
    image: spare(spec),
    finds: { copy: 'primary', field: name, byte: offset, ...facts },
  } as const;
  if ((spec.layout ?? SPEC.layout) !== 'redundant') return [{ ...chosen, whole: ['primary'] }];
  const lost = spare(spec, (image) => image.fill(0, 0, 4096));
  return [
    { ...chosen, whole: ['primary', 'backup'] },
    {
      ...common,
      image: lost,
      whole: ['backup'],
      finds: { copy: 'backup', field: name, byte: END + offset, ...facts },
      companions: ['copy-damaged', ...(more.companions ?? [])],
    },
  ];
}

const grown = (fill: number) => ({ tailBytes: Buffer.alloc(64 * 512, fill) });

/** A device that has lost its last sectors, the backup with them. */
function shrunk(by: number, spec: Partial<ImageSpec>): Buffer {
  return Buffer.from(spare(spec).subarray(0, (2048 - by) * 512));
}

const SIZE = { copy: 'primary', field: 'spare_device_size', byte: 48, stored: 2048n } as const;

export const HEADER_CASES: readonly ProblemCase[] = [
  ...field('state-dirty', 'state', { state: 1 }, { stored: 1 }),
  ...field('state-dirty', 'state', { state: 2 }, { stored: 2 }),
  ...field('state-error', 'state', { state: 3 }, { stored: 3 }),
  ...field('state-unknown', 'state', { state: 4 }, { stored: 4 }),
  ...field('generation-zero', 'generation', { generation: 0 }, { stored: 0 }),
  ...field(
    'capacity-out-of-range',
    'max_entries',
    { maxEntries: 0, entries: [] },
    { stored: 0, expected: '1 to 33554175' },
  ),
  ...field(
    'geometry-wrong',
    'data_sectors',
    { fields: { data_sectors: 5 } },
    { stored: 5n, expected: 2008 - 40 },
  ),
  ...field('geometry-wrong', 'data_start', { fields: { data_start: 41 } }, { stored: 41n, expected: 40 }),
  ...field(
    'geometry-wrong',
    'primary_header',
    { fields: { primary_header: 8 } },
    { stored: 8n, expected: 0 },
  ),
  ...field(
    'geometry-wrong',
    'backup_table',
    { fields: { backup_table: 40 } },
    { stored: 40n, expected: 2008 },
  ),
  ...field(
    'geometry-wrong',
    'data_sectors',
    { layout: 'plain-ext', fields: { data_sectors: 2047 } },
    { stored: 2047n, expected: 2048 - 40 },
  ),
  {
    id: 'extension-malformed',
    image: spare({ layout: 'plain-ext' }, (image) => patchSealed(image, 'primary', 'ext_magic', 'DMR3EXT2')),
    whole: ['primary'],
    finds: { copy: 'primary', byte: 128 },
  },
  {
    id: 'extension-malformed',
    image: spare({ layout: 'plain', fields: { read_errors: 0x0100_0000n } }),
    whole: ['primary'],
    finds: { copy: 'primary', byte: 352 + 3 },
  },
  {
    id: 'reserved-not-zero',
    image: spare({ fields: { reserved_front: Buffer.from([0, 0, 5, 6]), reserved_back: Buffer.from([7]) } }),
    whole: ['primary', 'backup'],
    finds: { copy: 'primary', field: 'reserved_72', byte: 74, count: 3 },
  },
  {
    id: 'reserved-not-zero',
    image: spare({ layout: 'plain' }, (image) => {
      image[4095] = 1;
      seal(image, 'primary');
    }),
    whole: ['primary'],
    finds: { copy: 'primary', field: 'reserved_360', byte: 4095, count: 1 },
  },
  ...field('role-unknown', 'role', { role: 3 }, { stored: 3, expected: '0 to 2' }).slice(0, 1),
  ...field(
    'role-target',
    'role',
    { role: 1, fields: { ...peer, migration_cursor: 2 } },
    { stored: PEER },
    { detail: '2 of 3 entries copied once' },
  ),
  ...field('role-retired', 'role', { role: 2, fields: peer }, { stored: PEER }),
  ...field('compat-unknown', 'compat_flags', { fields: { compat_flags: 6 } }, { stored: 6 }),
  ...field('ro-compat-unknown', 'ro_compat_flags', { fields: { ro_compat_flags: 5 } }, { stored: 5 }),
  {
    id: 'device-grown',
    image: spare(grown(0)),
    whole: ['primary'],
    finds: { ...SIZE, expected: 2112 },
  },
  {
    id: 'device-grown',
    image: spare({ layout: 'plain', ...grown(1) }),
    whole: ['primary'],
    finds: { ...SIZE, expected: 2112 },
  },
  {
    id: 'device-grown-occupied',
    image: spare(grown(0), (image) => image.fill(1, 2100 * 512, 2100 * 512 + 1)),
    whole: ['primary'],
    finds: { ...SIZE, expected: 2112 },
    detail: '2100',
  },
  {
    id: 'copy-foreign-signature',
    image: spare(grown(0), (image) => image.write('EFI PART', 2111 * 512)),
    whole: ['primary'],
    finds: { copy: 'backup', byte: 2111 * 512 },
    detail: /GPT/,
    companions: ['device-grown-occupied'],
  },
  {
    id: 'device-shrunk',
    image: shrunk(64, {}),
    whole: ['primary'],
    finds: { ...SIZE, expected: 1984 },
    detail: 'All remapped sectors lie within it',
  },
  {
    id: 'device-shrunk',
    image: shrunk(64, { layout: 'plain', entries: [[5, 1984]] }),
    whole: ['primary'],
    finds: { ...SIZE, expected: 1984 },
    detail: 'Some remapped sectors lie beyond its end',
    companions: ['spare-out-of-range'],
  },
  {
    id: 'device-shrunk',
    image: shrunk(2048 - 70, { entries: [] }),
    whole: ['primary'],
    finds: { ...SIZE, expected: 70 },
    detail: 'The metadata does not fit it',
  },
  {
    id: 'held',
    image: spare({ state: 1 }),
    whole: ['primary', 'backup'],
    finds: {},
    detail: 'process 12 (dmremap serve)',
    options: { holder: async () => 'process 12 (dmremap serve)' },
  },
];
