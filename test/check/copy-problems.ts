import { buildImage, DEFAULTS, endPlace, patch, patchSealed, seal } from '../support/build-image.js';
import { checksumOf } from '../support/format-numbers.js';
import { BACKUP_TABLE, END, HealingDevice, type ProblemCase, SPEC, spare } from './problem-case.js';

/** One case for each problem of the copies and of the choice between them. */

const OTHER = Buffer.alloc(16, 0xab);
const OTHER_UUID = 'abababab-abab-abab-abab-abababababab';
const SET_UUID = '11111111-2222-3333-4444-555555555555';

const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

/** The header of a copy with another state, and what its checksum would have to be. */
function flippedState(copy: 'primary' | 'backup'): { image: Buffer; detail: string } {
  const image = spare({}, (built) => patch(built, copy, 'state', 1));
  const header = image.subarray(copy === 'primary' ? 0 : END).subarray(0, 4096);
  const live = image.subarray(4096, 4096 + 48);
  const detail = `checksum stored ${hex(header.readUInt32LE(12))}, computed ${hex(checksumOf(header, live))}`;
  return { image, detail };
}

/** A grown device whose new backup is written and whose primary still names the old one. */
function moveCutShort(): Buffer {
  const before = spare({ tailBytes: Buffer.alloc(2048 * 512) });
  const after = buildImage({ ...SPEC, sectors: 4096, generation: 2 });
  after.copy(before, 2048 * 512, 2048 * 512);
  return before;
}

/** A plain image with the backup of a redundant one of this creation time at its end. */
function leftOver(creationTime: number): Buffer {
  return spare({ layout: 'plain' }, (image) => {
    const backup = buildImage({ ...SPEC, generation: 5, fields: { creation_time: creationTime } });
    backup.copy(image, BACKUP_TABLE * 512, BACKUP_TABLE * 512);
  });
}

const bothDamaged = spare({}, (image) => patch(image, 'both', 'total_remaps_created', 4));

export const COPY_CASES: readonly ProblemCase[] = [
  {
    id: 'copy-damaged',
    ...flippedState('backup'),
    whole: ['primary'],
    finds: { copy: 'backup', field: 'checksum', byte: END + 12 },
  },
  {
    id: 'copy-damaged',
    ...flippedState('primary'),
    whole: ['backup'],
    finds: { copy: 'primary', field: 'checksum', byte: 12 },
  },
  {
    id: 'copy-stale',
    image: spare({ generation: 2, backupGeneration: 1 }),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', field: 'generation', byte: END + 60, stored: 1, expected: 2 },
    detail: '',
  },
  {
    id: 'copy-stale',
    image: spare({ generation: 1, backupGeneration: 0xffff_ffff }),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', field: 'generation', byte: END + 60, stored: 0xffff_ffff, expected: 1 },
    detail: /follows after 4294967295/,
  },
  {
    id: 'copy-superseded',
    image: moveCutShort(),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: END },
    companions: ['copy-stale'],
  },
  {
    id: 'copy-claims-newer',
    image: spare({}, (image) => patch(image, 'primary', 'generation', 3)),
    whole: ['backup'],
    finds: { copy: 'primary', field: 'generation', byte: 60, stored: 3, expected: 1 },
  },
  {
    id: 'copy-claims-other-set',
    image: spare({}, (image) => patch(image, 'backup', 'set_uuid', OTHER)),
    whole: ['primary'],
    finds: { copy: 'backup', field: 'set_uuid', byte: END + 192, stored: OTHER_UUID, expected: SET_UUID },
  },
  {
    id: 'copy-claims-other-set',
    image: spare({}, (image) => patch(image, 'primary', 'spare_uuid', OTHER)),
    whole: ['backup'],
    finds: {
      copy: 'primary',
      field: 'spare_uuid',
      byte: 208,
      stored: OTHER_UUID,
      expected: '99999999-8888-7777-6666-555555555555',
    },
  },
  {
    id: 'copy-foreign-signature',
    image: spare({}, (image) => {
      image.fill(0, 0, 4096);
      image.write('XFSB');
    }),
    whole: ['backup'],
    finds: { copy: 'primary', byte: 0 },
    detail: /XFS/,
  },
  {
    id: 'copy-unreadable',
    image: spare({}),
    whole: ['primary', 'backup'],
    finds: { copy: 'primary', byte: 0 },
    detail: 'EIO at sector 0',
    around: (device) => new HealingDevice(device, [0]),
  },
  {
    id: 'copy-table-unreadable',
    image: spare({}),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: BACKUP_TABLE * 512 },
    detail: `EIO at sector ${BACKUP_TABLE}`,
    around: (device) => new HealingDevice(device, [BACKUP_TABLE]),
  },
  {
    id: 'copy-foreign',
    image: spare({}, (image) => patchSealed(image, 'backup', 'spare_uuid', OTHER)),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: END },
    detail: /uuids or its creation time/,
  },
  {
    id: 'copy-foreign',
    image: spare({}, (image) => patchSealed(image, 'backup', 'backup_header', 64)),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: END },
    detail: `it belongs at byte ${64 * 512}`,
  },
  {
    id: 'copies-differ',
    image: spare({}, (image) => patchSealed(image, 'backup', 'last_update_time', 9)),
    whole: ['primary', 'backup'],
    finds: { stored: 1, copy: 'primary', field: 'last_update_time', byte: 24 },
    detail: /^header field last_update_time \(\d+ in the primary, 9 in the backup\)$/,
  },
  {
    id: 'copies-differ',
    image: spare({
      backupEntries: [
        [100, 300],
        [200, 301],
        [50, 303],
      ],
    }),
    whole: ['primary', 'backup'],
    finds: { stored: 1, copy: 'primary', byte: 4096 + 2 * 16 },
    detail: 'first in entry 2 (50 -> 302 in the primary, 50 -> 303 in the backup)',
  },
  {
    id: 'no-valid-copy',
    image: bothDamaged,
    whole: [],
    finds: {},
    detail: /^primary: checksum stored 0x.{8}, computed 0x.{8}; backup: checksum stored/,
  },
  {
    id: 'backup-left-over-conversion',
    image: leftOver(DEFAULTS.time),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: END, stored: 5 },
  },
  {
    id: 'backup-left-over',
    image: leftOver(7),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', byte: END, stored: 5 },
  },
  {
    id: 'version-unknown',
    image: spare({}, (image) => patchSealed(image, 'backup', 'version', 2)),
    whole: ['primary', 'backup'],
    finds: { copy: 'backup', field: 'version', byte: END + 8, stored: 2, expected: 1 },
  },
  {
    id: 'incompat-unknown',
    image: spare({}, (image) => {
      patch(image, 'primary', 'incompat_flags', 0x8000_0000);
      seal(image, 'primary');
    }),
    whole: ['primary', 'backup'],
    finds: { copy: 'primary', field: 'incompat_flags', byte: 144, stored: 0x8000_0000, expected: 0 },
  },
];

if (endPlace(spare({})) !== END) throw new Error('the backup of the cases lies elsewhere');
