import { ENTRY_SIZE } from '../../format/entry.js';
import { HEADER, isRedundant, VERSION } from '../../format/header.js';
import { differingFields } from '../../layout/codec.js';
import { fieldNamed } from '../../layout/layout.js';
import { type Claim, contradicting, type Judged } from '../../store/choose.js';
import type { Copy } from '../../store/copy.js';
import { SECTOR_SIZE, sectors } from '../../units.js';
import type { EntryPlace, Finding } from '../finding.js';
import type { Survey } from '../survey.js';
import { describeFaults, describeUnreadable, faultyField } from './faults.js';

/** Copies under a right checksum that this program must not touch (format.md section 5). */
export function ruleSupported(survey: Survey): Finding[] {
  const unsupported = survey.choice.unsupported.filter((copy) => !isDataOfPlain(survey, copy));
  return unsupported.map((copy): Finding => {
    const other = copy.header.version !== VERSION;
    const field = other ? 'version' : 'incompat_flags';
    return {
      id: other ? 'version-unknown' : 'incompat-unknown',
      ...place(copy, field),
      stored: copy.header[field],
      expected: other ? VERSION : 0,
    };
  });
}

/** What is wrong with the copies beside the chosen one, and whether there is a chosen one. */
export function ruleCopies(survey: Survey): Finding[] {
  const { choice } = survey;
  if (choice.chosen === undefined) return withoutChoice(survey);
  const chosen = choice.chosen;
  return choice.others.flatMap((judged) => besideChosen(survey, chosen, judged));
}

function withoutChoice({ choice, module, difference, foreign: signatures }: Survey): Finding[] {
  if (module !== undefined) return [];
  const [first, second] = contradicting(choice);
  if (first !== undefined && second !== undefined) return [differFinding(first, second, difference)];
  const foreign = choice.others.filter(({ standing }) => standing === 'foreign').map(foreignFinding);
  const damaged = choice.others.filter(({ standing, copy }) => standing === 'damaged' && worthNaming(copy));
  const detail = damaged
    .map(({ copy }) => `${copy.name}: ${signatures.get(copy.headerAt)?.[0]?.name ?? describeFaults(copy)}`)
    .join('; ');
  return [...foreign, { id: 'no-valid-copy', detail: detail === '' ? 'The header is gone' : detail }];
}

function differFinding(a: Copy, b: Copy, difference: Survey['difference']): Finding {
  const finding = { id: 'copies-differ', stored: a.header.generation } as const;
  const fields = differingFields(HEADER, a.block, b.block)
    .map(({ name }) => name)
    .filter((name) => name !== 'checksum' && name !== 'copy');
  const inBoth = (inA: string, inB: string) => `${inA} in the ${a.name}, ${inB} in the ${b.name}`;
  const [field] = fields;
  if (field !== undefined) {
    const [inA, inB] = [valueIn(a, field), valueIn(b, field)];
    const values = inA === undefined || inB === undefined ? '' : ` (${inBoth(inA, inB)})`;
    const more = fields.length > 1 ? `, and ${fields.slice(1).join(', ')}` : '';
    return { ...finding, ...place(a, field), detail: `header field ${field}${values}${more}` };
  }
  if (difference === undefined || a.tableAt === undefined)
    return { ...finding, detail: 'the entries are not the same' };
  const { first, second } = difference;
  const text = ({ main_sector, spare_sector }: EntryPlace) => `${main_sector} -> ${spare_sector}`;
  return {
    ...finding,
    copy: a.name,
    byte: a.tableAt + first.index * ENTRY_SIZE,
    detail: `first in entry ${first.index} (${inBoth(text(first), text(second))})`,
  };
}

/** Of a field of the header that has a value; reserved bytes have none. */
function valueIn({ header }: Copy, field: string): string | undefined {
  return Object.entries(header)
    .find(([name]) => name === field)?.[1]
    .toString();
}

/** The end of a plain image was looked at too, where no backup was ever meant to be. */
function worthNaming(copy: Copy): boolean {
  return copy.name === 'primary' || copy.unreadable.length > 0 || copy.block.some((byte) => byte !== 0);
}

function besideChosen(survey: Survey, chosen: Copy, judged: Judged): Finding[] {
  const { copy, standing } = judged;
  switch (standing) {
    case 'stale':
      return [
        {
          id: 'copy-stale',
          ...place(copy, 'generation'),
          stored: copy.header.generation,
          expected: chosen.header.generation,
          // the generations begin anew: to a reader the older one looks newer
          detail: copy.header.generation > chosen.header.generation ? ', which follows after 4294967295' : '',
        },
      ];
    case 'damaged':
      return damagedFindings(survey, chosen, judged);
    case 'superseded':
      return superseded(survey, chosen, judged);
    case 'foreign':
      return [foreignFinding(judged)];
    case 'left-over':
      return leftOver(survey, chosen, copy);
    default:
      return [];
  }
}

function foreignFinding({ copy }: Judged): Finding {
  const named = Number(copy.header.backup_header) * SECTOR_SIZE;
  const detail =
    named === copy.headerAt ? 'its uuids or its creation time are others' : `it belongs at byte ${named}`;
  return { id: 'copy-foreign', copy: 'backup', byte: copy.headerAt, detail };
}

function damagedFindings(survey: Survey, chosen: Copy, { copy, claims }: Judged): Finding[] {
  const signatures = survey.foreign.get(copy.headerAt) ?? [];
  const waiting = [
    ...signatures.map(
      (signature): Finding => ({
        id: 'copy-foreign-signature',
        copy: copy.name,
        byte: signature.at,
        detail: signature.name,
      }),
    ),
    ...claims.map((claim) => claimFinding(claim, copy, chosen)),
  ];
  if (waiting.length > 0) return waiting;
  const [first] = copy.unreadable;
  if (first !== undefined)
    return [
      { id: 'copy-table-unreadable', copy: copy.name, byte: first.at, detail: describeUnreadable(copy) },
    ];
  const field = faultyField(copy);
  const where = field === undefined ? { copy: copy.name, byte: copy.headerAt } : place(copy, field);
  return [{ id: 'copy-damaged', ...where, detail: describeFaults(copy) }];
}

function claimFinding(claim: Claim, copy: Copy, chosen: Copy): Finding {
  switch (claim) {
    case 'newer-generation':
      return {
        id: 'copy-claims-newer',
        ...place(copy, 'generation'),
        stored: copy.header.generation,
        expected: chosen.header.generation,
      };
    case 'other-set': {
      const field = copy.header.set_uuid === chosen.header.set_uuid ? 'spare_uuid' : 'set_uuid';
      return {
        id: 'copy-claims-other-set',
        ...place(copy, field),
        stored: copy.header[field],
        expected: chosen.header[field],
      };
    }
    case 'unreadable-header':
      return {
        id: 'copy-unreadable',
        copy: copy.name,
        byte: copy.headerAt,
        detail: describeUnreadable(copy),
      };
  }
}

/** A plain image has data to its end: what a live entry holds where a backup could lie is no copy. */
function isDataOfPlain(survey: Survey, copy: Copy): boolean {
  const { chosen } = survey.choice;
  return copy !== chosen && chosen !== undefined && !isRedundant(chosen.header) && isLiveData(survey, copy);
}

/** A sector that a live entry uses is data, whatever its bytes look like. */
function isLiveData(survey: Survey, copy: Copy): boolean {
  const { table } = survey;
  if (table === undefined) return false;
  const sector = sectors(copy.headerAt / SECTOR_SIZE);
  for (const index of table.live()) if (table.spareSector(index) === sector) return true;
  return false;
}

function superseded(survey: Survey, chosen: Copy, { copy, claims }: Judged): Finding[] {
  if (isLiveData(survey, copy)) return [];
  if (claims.length > 0) return claims.map((claim) => claimFinding(claim, copy, chosen));
  return [{ id: 'copy-superseded', copy: 'backup', byte: copy.headerAt }];
}

function leftOver(survey: Survey, chosen: Copy, copy: Copy): Finding[] {
  if (isLiveData(survey, copy)) return [];
  const cutShort =
    copy.header.creation_time === chosen.header.creation_time &&
    copy.header.main_device_size === chosen.header.main_device_size;
  return [
    {
      id: cutShort ? 'backup-left-over-conversion' : 'backup-left-over',
      copy: 'backup',
      byte: copy.headerAt,
      stored: copy.header.generation,
    },
  ];
}

function place(copy: Copy, field: string): Pick<Finding, 'copy' | 'field' | 'byte'> {
  return { copy: copy.name, field, byte: copy.headerAt + fieldNamed(HEADER, field).offset };
}
