import { entriesWith } from '../../check/rules/entries.js';
import type { Survey } from '../../check/survey.js';
import { FIRST_GENERATION } from '../../format/generation.js';
import { backupHeaderPlace, dataStart, redundantGeometry } from '../../format/geometry.js';
import {
  CAPACITY,
  decodeHeader,
  EXT_MAGIC,
  EXTENSION,
  encodeHeader,
  type Header,
  isRedundant,
  ROLE,
  STATE,
} from '../../format/header.js';
import { placeOf, sizedFor } from '../../store/content.js';
import type { Copy } from '../../store/copy.js';
import { bytesToSectors, sectors, sectorsToBytes } from '../../units.js';
import { withFields, withZeros } from '../edits.js';
import {
  type Answer,
  type Asking,
  type AskingTable,
  type Circumstances,
  leave,
  leaveAll,
  single,
} from './answer.js';

/** Fields of the chosen header that cannot be right, under a right checksum. */

const NOT_SERVED = 'The set is not served for writing until this is settled.';

function setting(id: string, changes: Partial<Header>, facts: Omit<Answer, 'id' | 'effect'>): Answer {
  return { id, ...facts, effect: { kind: 'edit', edit: withFields(changes) } };
}

function chosenOf({ survey }: Circumstances): Copy {
  const { chosen } = survey.choice;
  if (chosen === undefined) throw new Error('there is no header to ask about');
  return chosen;
}

const clearState: Asking = (problem) =>
  single(problem, [
    setting(
      'clear',
      { state: STATE.clean },
      {
        does: 'Sets the state to clean.',
        keeps: 'every entry',
        loses: 'the mark that something went wrong',
        risk: 'Only once the cause is known: the errors that set it may come again.',
        recommended: false,
      },
    ),
    leave(NOT_SERVED),
  ]);

const renumber: Asking = (problem) =>
  single(problem, [
    setting(
      'renumber',
      { generation: FIRST_GENERATION },
      {
        does: 'Counts generations from 1 on, or from the newest that another copy has.',
        keeps: 'every entry',
        loses: '',
        risk: '',
        recommended: true,
      },
    ),
    leave('Which of two copies is newer cannot be told by a generation of 0.'),
  ]);

const wrongGeometry: Asking = (problem, circumstances) => {
  const { header } = chosenOf(circumstances);
  const size = sectors(Number(header.spare_device_size));
  return single(problem, [
    setting('compute', sizedFor(header, size, backupHeaderPlace(sectorsToBytes(size))), {
      does: 'Computes the places anew from the size of the device and the capacity of the table.',
      keeps: 'every entry',
      loses: '',
      risk: 'A program that meant something else by these values would not find it again.',
      recommended: true,
    }),
    leave('New remaps could be allocated over metadata.'),
  ]);
};

/** The largest capacity whose tables leave every live sector alone, and no larger than is usual. */
const wrongCapacity: Asking = (problem, circumstances) => {
  const capacity = possibleCapacity(circumstances);
  if (capacity === undefined) return [];
  const { header } = chosenOf(circumstances);
  const changed: Header = { ...header, max_entries: capacity };
  const size = sectors(Number(header.spare_device_size));
  const changes = sizedFor(changed, size, backupHeaderPlace(sectorsToBytes(size)));
  return single(problem, [
    setting(
      `capacity-${capacity}`,
      { ...changes, max_entries: capacity },
      {
        does: `Sets the capacity of the table to ${capacity} entries.`,
        keeps: 'every entry',
        loses: '',
        risk: 'The parts of the spare between table and data change their place.',
        recommended: true,
      },
    ),
    leave(NOT_SERVED),
  ]);
};

function possibleCapacity(circumstances: Circumstances): number | undefined {
  const { survey } = circumstances;
  const { header } = chosenOf(circumstances);
  const { table, deviceSize } = survey;
  if (table === undefined) return undefined;
  let capacity: number = header.max_entries > CAPACITY.most ? CAPACITY.most : CAPACITY.usual;
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const slot of table.live()) {
    lowest = Math.min(lowest, table.spareSector(slot));
    highest = Math.max(highest, table.spareSector(slot));
  }
  for (; capacity >= Math.max(table.count, CAPACITY.least); capacity = Math.floor(capacity / 2)) {
    const end = isRedundant(header)
      ? redundantGeometry(backupHeaderPlace(deviceSize), capacity).backup_table
      : bytesToSectors(deviceSize);
    const start = dataStart(capacity);
    if (start < end && lowest >= start && highest < end) return capacity;
  }
  return undefined;
}

const malformedExtension: Asking = (problem, circumstances) => {
  const { block } = chosenOf(circumstances);
  const withMagic = decodeHeader(encodeHeader({ ext_magic: EXT_MAGIC }, block));
  const sensible =
    withMagic.data_start === BigInt(dataStart(withMagic.max_entries)) &&
    withMagic.role <= ROLE.retired &&
    withMagic.incompat_flags === 0;
  const { offset, size } = EXTENSION;
  return single(problem, [
    ...(withMagic.incompat_flags === 0
      ? [
          setting(
            'set-magic',
            { ext_magic: EXT_MAGIC },
            {
              does: `Puts ${EXT_MAGIC} there, so that identity, role and counters count again.`,
              keeps: 'every entry, and the identity of the set',
              loses: '',
              risk: sensible ? '' : 'The values behind it do not look like those of an extension.',
              recommended: sensible,
            },
          ),
        ]
      : []),
    {
      id: 'clear',
      does: 'Clears the extension: a plain image without identity and counters.',
      keeps: 'every entry',
      loses: 'uuids, identity of main, counters, whether there was a backup',
      risk: 'Which main belongs to this spare is no longer recorded.',
      recommended: !sensible,
      effect: { kind: 'edit', edit: withZeros(offset, offset + size) },
    },
    leave(NOT_SERVED),
  ]);
};

const reserved: Asking = (problem) =>
  single(problem, [
    {
      id: 'clear',
      does: 'Clears the reserved bytes.',
      keeps: 'every entry',
      loses: 'what a newer program may have meant by them',
      risk: '',
      recommended: true,
      effect: { kind: 'correct' },
    },
    leave(''),
  ]);

const grownOccupied: Asking = (problem) =>
  single(problem, [
    {
      id: 'move',
      does: 'Moves the backup to the new end of the device.',
      keeps: 'every entry',
      loses: 'what lies where the backup is written',
      risk: 'Make sure that nobody needs what lies there. The undo file keeps it.',
      recommended: true,
      effect: { kind: 'correct' },
    },
    leaveAll('The backup stays where it is, and the size in the header is out of date.'),
  ]);

/** A smaller device is adopted only where every live sector lies below the new place of the backup. */
const shrunk: Asking = (problem, circumstances) => {
  const { survey } = circumstances;
  const chosen = chosenOf(circumstances);
  const { table, deviceSize } = survey;
  if (table === undefined) return [];
  const changes = sizedFor(chosen.header, bytesToSectors(deviceSize), backupHeaderPlace(deviceSize));
  const fits = (changes.data_sectors ?? 1n) > 0n && adoptable(survey, chosen, changes);
  const answers = fits
    ? [
        setting('adopt', changes, {
          does: `Records the ${bytesToSectors(deviceSize)} sectors of the device and writes the backup at its new end.`,
          keeps: 'every entry',
          loses: 'what lies where the backup is written',
          risk: 'If the whole device comes back, it holds an older life of this set at its end.',
          recommended: false,
        }),
      ]
    : [];
  return single(problem, [...answers, leave('Bring back the whole device if you can.')]);
};

/** Whether no entry points into the metadata or beyond the device by a header with these changes. */
function adoptable(survey: Survey, found: Copy, changes: Partial<Header>): boolean {
  const block = encodeHeader(changes, found.block);
  const header = decodeHeader(block);
  const chosen = { ...found, block, header, headerAt: placeOf(header, found.name).headerAt };
  const after = { ...survey, choice: { ...survey.choice, chosen } };
  return (['spare-out-of-range', 'spare-in-metadata'] as const).every(
    (id) => entriesWith(after, id).length === 0,
  );
}

export const HEADER_QUESTIONS: AskingTable = {
  'state-error': clearState,
  'state-unknown': clearState,
  'generation-zero': renumber,
  'capacity-out-of-range': wrongCapacity,
  'geometry-wrong': wrongGeometry,
  'extension-malformed': malformedExtension,
  'reserved-not-zero': reserved,
  'device-grown-occupied': grownOccupied,
  'device-shrunk': shrunk,
};
