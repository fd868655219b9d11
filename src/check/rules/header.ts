import { backupHeaderPlace, plainGeometry, redundantGeometry } from '../../format/geometry.js';
import {
  CAPACITY,
  EXTENSION,
  HEADER,
  type Header,
  hasExtension,
  isRedundant,
  KNOWN_FLAGS,
  ROLE,
  STATE,
} from '../../format/header.js';
import { nonZeroReserved } from '../../layout/codec.js';
import { fieldNamed } from '../../layout/layout.js';
import type { Copy } from '../../store/copy.js';
import { sectors, sectorsToBytes } from '../../units.js';
import type { Finding } from '../finding.js';
import type { Survey } from '../survey.js';

type HeaderField = keyof Header & string;

function at(copy: Copy, field: HeaderField): Pick<Finding, 'copy' | 'field' | 'byte' | 'stored'> {
  return {
    copy: copy.name,
    field,
    byte: copy.headerAt + fieldNamed(HEADER, field).offset,
    stored: copy.header[field],
  };
}

export function ruleState({ choice: { chosen }, holder }: Survey): Finding[] {
  if (chosen === undefined) return [];
  switch (chosen.header.state) {
    case STATE.clean:
      return [];
    case STATE.dirty:
    case STATE.writing:
      // a server that has the set open keeps it dirty
      return holder === undefined ? [{ id: 'state-dirty', ...at(chosen, 'state') }] : [];
    case STATE.error:
      return [{ id: 'state-error', ...at(chosen, 'state') }];
    default:
      return [{ id: 'state-unknown', ...at(chosen, 'state') }];
  }
}

export function ruleGeneration({ choice: { chosen } }: Survey): Finding[] {
  return chosen !== undefined && chosen.header.generation === 0
    ? [{ id: 'generation-zero', ...at(chosen, 'generation') }]
    : [];
}

export function ruleCapacity({ choice: { chosen } }: Survey): Finding[] {
  if (chosen === undefined) return [];
  const { max_entries } = chosen.header;
  return max_entries < CAPACITY.least || max_entries > CAPACITY.most
    ? [
        {
          id: 'capacity-out-of-range',
          ...at(chosen, 'max_entries'),
          expected: `${CAPACITY.least} to ${CAPACITY.most}`,
        },
      ]
    : [];
}

/**
 * Sections 1 and 2: the geometry follows from the recorded size and the capacity, and nothing else is right.
 * Whether the recorded size is that of the device is another rule's question (size.ts).
 */
export function ruleGeometry({ choice: { chosen } }: Survey): Finding[] {
  if (chosen === undefined || !hasExtension(chosen.header)) return [];
  const { header } = chosen;
  const size = sectors(Number(header.spare_device_size));
  const right = isRedundant(header)
    ? redundantGeometry(backupHeaderPlace(sectorsToBytes(size)), header.max_entries)
    : plainGeometry(size, header.max_entries);
  return (Object.keys(right) as (keyof typeof right)[])
    .filter((field) => header[field] !== BigInt(right[field]))
    .map((field): Finding => ({ id: 'geometry-wrong', ...at(chosen, field), expected: right[field] }));
}

export function ruleReserved({ choice: { chosen } }: Survey): Finding[] {
  if (chosen === undefined) return [];
  const findings: Finding[] = [];
  if (!hasExtension(chosen.header)) {
    const extension = chosen.block.subarray(EXTENSION.offset, EXTENSION.offset + EXTENSION.size);
    const first = extension.findIndex((byte) => byte !== 0);
    if (first >= 0)
      findings.push({
        id: 'extension-malformed',
        copy: chosen.name,
        byte: chosen.headerAt + EXTENSION.offset + first,
      });
  }
  const reserved = nonZeroReserved(HEADER, chosen.block);
  const [first] = reserved;
  if (first !== undefined)
    findings.push({
      id: 'reserved-not-zero',
      copy: chosen.name,
      field: first.field.name,
      byte: chosen.headerAt + first.byte,
      count: reserved.reduce((sum, { count }) => sum + count, 0),
    });
  return findings;
}

export function ruleFlags({ choice: { chosen } }: Survey): Finding[] {
  if (chosen === undefined || !hasExtension(chosen.header)) return [];
  const findings: Finding[] = [];
  const { compat_flags, ro_compat_flags } = chosen.header;
  if ((compat_flags & ~KNOWN_FLAGS.compat) !== 0)
    findings.push({ id: 'compat-unknown', ...at(chosen, 'compat_flags') });
  if ((ro_compat_flags & ~KNOWN_FLAGS.ro_compat) !== 0)
    findings.push({ id: 'ro-compat-unknown', ...at(chosen, 'ro_compat_flags') });
  return findings;
}

export function ruleRole({ choice: { chosen } }: Survey): Finding[] {
  if (chosen === undefined || !hasExtension(chosen.header)) return [];
  const { role, peer_uuid, migration_cursor, entry_count } = chosen.header;
  switch (role) {
    case ROLE.active:
      return [];
    case ROLE.target:
      return [
        {
          id: 'role-target',
          ...at(chosen, 'role'),
          stored: peer_uuid,
          detail: `${migration_cursor} of ${entry_count} entries copied once`,
        },
      ];
    case ROLE.retired:
      return [{ id: 'role-retired', ...at(chosen, 'role'), stored: peer_uuid }];
    default:
      return [{ id: 'role-unknown', ...at(chosen, 'role'), expected: '0 to 2' }];
  }
}
