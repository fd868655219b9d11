import { type Header, MAGIC, VERSION } from '../../format/header.js';
import type { Copy, CopyFault } from '../../store/copy.js';
import { SECTOR_SIZE } from '../../units.js';

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** Characters as they are where they can be shown, else as numbers. */
export function printable(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

export function describeUnreadable(copy: Copy): string {
  const parts = copy.unreadable.map(({ at, length, errno }) => {
    const first = Math.floor(at / SECTOR_SIZE);
    const last = Math.floor((at + length - 1) / SECTOR_SIZE);
    return `${errno} at ${first === last ? `sector ${first}` : `sectors ${first} to ${last}`}`;
  });
  return parts.slice(0, 3).join(', ') + (parts.length > 3 ? `, and ${parts.length - 3} more places` : '');
}

function describeFault(copy: Copy, fault: CopyFault): string {
  const { header } = copy;
  switch (fault) {
    case 'magic':
      return header.magic === '\0\0\0\0\0\0\0\0'
        ? 'there is no header, only zeros in its first bytes'
        : `magic is "${printable(header.magic)}", not "${MAGIC}"`;
    case 'version':
      return `version is ${header.version}, not ${VERSION}`;
    case 'copy-field':
      return `copy is ${header.copy}, not ${copy.name === 'primary' ? 0 : 1}`;
    case 'entry-count':
      return `entry_count ${header.entry_count} is more than max_entries ${header.max_entries}`;
    case 'table-outside':
      return `a table of max_entries ${header.max_entries} does not fit the device`;
    case 'header-unreadable':
      return `header unreadable (${describeUnreadable(copy)})`;
    case 'table-unreadable':
      return `table unreadable (${describeUnreadable(copy)})`;
    case 'checksum':
      return `checksum stored ${hex(header.checksum)}, computed ${hex(copy.computed ?? 0)}`;
  }
}

/**
 * Why a copy is not valid, in words with stored and computed values. Without a magic nothing else has meaning,
 * and bytes of a header that could not be read have none at all.
 */
export function describeFaults(copy: Copy): string {
  return tellingFaults(copy)
    .map((fault) => describeFault(copy, fault))
    .join(', ');
}

const FIELD_OF: Partial<Record<CopyFault, keyof Header & string>> = {
  magic: 'magic',
  version: 'version',
  'copy-field': 'copy',
  'entry-count': 'entry_count',
  'table-outside': 'max_entries',
  checksum: 'checksum',
};

/** The header field that shows the first of a copy's faults; undefined where it is that something cannot be read. */
export function faultyField(copy: Copy): (keyof Header & string) | undefined {
  const [first] = tellingFaults(copy);
  return first === undefined ? undefined : FIELD_OF[first];
}

function tellingFaults({ faults, onlyMagicWrong }: Copy): readonly CopyFault[] {
  if (faults.includes('header-unreadable')) return ['header-unreadable'];
  if (onlyMagicWrong) return faults.filter((fault) => fault !== 'checksum');
  return faults.includes('magic') ? ['magic'] : faults;
}
