import { describeFaults } from '../../check/rules/faults.js';
import type { Survey } from '../../check/survey.js';
import {
  HEADER,
  type Header,
  hasExtension,
  isRedundant,
  roleName,
  stateName,
  ZERO_UUID,
} from '../../format/header.js';
import type { CopyInfo, SpareInfo } from '../../operations/info.js';
import { type Copy, isValid } from '../../store/copy.js';
import type { ModuleImage } from '../../store/module-image.js';
import type { Terminal } from '../terminal.js';
import { describeUntrusted, layoutName, problemsJson, problemsText } from './check.js';
import type { JsonObject } from './json.js';
import { type Cell, gridText, keyValueTable } from './table.js';
import { formatSectors, formatSize, formatTime, hex32, showUnprintable } from './text.js';

/** What `info` shows: the device, which copy counts and why, both headers side by side, what is wrong. */
export function infoText(info: SpareInfo, terminal: Terminal, verbose: boolean): string {
  const parts = [
    keyValueTable(summaryRows(info), terminal),
    gridText(['field', ...info.copies.map((copy) => copyTitle(copy, info))], fieldRows(info), terminal),
  ];
  const problems = problemsText(info.lastingName, info.diagnosis.problems, { terminal, verbose });
  return `${[...parts, problems].filter((part) => part !== '').join('\n\n')}\n`;
}

function* summaryRows({ device, identity, diagnosis, copies }: SpareInfo): Generator<[string, Cell]> {
  const model = [identity.model, identity.serial].filter((part) => part !== undefined).join(' ');
  yield [
    'device',
    `${device.path} (${device.kind === 'image' ? 'image file' : (identity.byIdPath ?? 'block device')})`,
  ];
  if (model !== '') yield ['model', model];
  yield ['size', formatSize(device.size)];
  yield ['blocks', `${device.logicalBlockSize} bytes logical, ${device.physicalBlockSize} physical`];
  const { chosen } = diagnosis.survey.choice;
  if (chosen === undefined) {
    const { module } = diagnosis.survey;
    const style = module?.standing === 'accepted' ? undefined : 'red';
    const text = describeUntrusted(diagnosis.survey);
    yield ['metadata', style === undefined ? text : { text, style }];
    if (module !== undefined) yield* moduleRows(module);
  } else {
    const { header } = chosen;
    yield ['layout', isRedundant(header) ? 'redundant: two copies' : 'plain: one copy'];
    yield ['counts', `the ${chosen.name} copy: ${reasonOf(copies)}`];
    yield ['remaps', `${header.entry_count} of ${header.max_entries}`];
    yield ['main', `${formatSectors(header.main_device_size)}${identityOf(header)}`];
    if (hasExtension(header)) yield ['role', roleName(header.role)];
  }
}

/** What the module's metadata holds, as far as it is known. */
function* moduleRows({ content: { header, table }, standing }: ModuleImage): Generator<[string, Cell]> {
  yield ['layout', 'module: one copy, as the kernel module writes it'];
  const known = standing === 'guess' ? ' known' : '';
  yield ['remaps', `${table.count} of ${header.max_entries}${known}`];
  if (header.main_device_size !== 0n) yield ['main', formatSectors(header.main_device_size)];
}

function identityOf(header: Header): string {
  if (!hasExtension(header) || header.main_id === '') return '';
  return `, ${header.main_id}`;
}

/** Why the chosen copy was chosen. */
function reasonOf(copies: readonly CopyInfo[]): string {
  const standings = copies.map(({ standing }) => standing);
  if (standings.includes('equal')) return 'both are whole and equal';
  if (standings.includes('stale')) return 'it is the newer of two whole ones';
  if (standings.includes('damaged')) return 'it is the only whole one';
  return 'it is whole';
}

function copyTitle({ copy, standing }: CopyInfo, { diagnosis: { survey } }: SpareInfo): string {
  const newer = survey.choice.unsupported.includes(copy);
  const shown = newer ? 'of a newer dmremap' : survey.module === undefined ? standing : "the module's";
  return `${copy.name} at byte ${copy.headerAt}: ${shown}`;
}

function fieldRows({ copies, diagnosis: { survey } }: SpareInfo): Cell[][] {
  const rows = HEADER.fields
    .filter(({ kind }) => kind !== 'zero')
    .filter(
      ({ offset }) => offset < 128 || copies.some(({ copy }) => copy.block.subarray(128, 360).some(Boolean)),
    )
    .map(({ name }): Cell[] => {
      const values = copies.map(({ copy }) =>
        isBlank(copy) ? '-' : shownValue(name as keyof Header, copy.header),
      );
      const differ =
        new Set(values.filter((text) => text !== '-')).size > 1 && name !== 'checksum' && name !== 'copy';
      return [name, ...values.map((text): Cell => (differ ? { text, style: 'yellow' } : text))];
    });
  return [
    ...rows,
    [
      'computed',
      ...copies.map(({ copy }) =>
        copy.computed === undefined || isBlank(copy) || survey.module !== undefined
          ? '-'
          : hex32(copy.computed),
      ),
    ],
    ['verdict', ...copies.map(({ copy }): Cell => verdictOn(copy, survey))],
  ];
}

function verdictOn(copy: Copy, { module }: Survey): Cell {
  if (module?.standing === 'accepted') return 'the kernel module reads it';
  if (module !== undefined) return { text: 'the kernel module does not read it', style: 'red' };
  return isValid(copy) ? 'valid' : { text: describeFaults(copy), style: 'red' };
}

/** No header at all: zeros would read as “clean” and “active”. */
function isBlank({ block }: Copy): boolean {
  return !block.subarray(0, 512).some(Boolean);
}

/** A header value as people read it. */
export function shownValue(name: keyof Header, header: Header): string {
  const value = header[name];
  switch (name) {
    case 'magic':
    case 'ext_magic':
      return showUnprintable(String(value).replace(/\0+$/, '')) || '(zero)';
    case 'checksum':
    case 'compat_flags':
    case 'ro_compat_flags':
    case 'incompat_flags':
      return hex32(Number(value));
    case 'creation_time':
    case 'last_update_time':
      return formatTime(BigInt(value));
    case 'state':
      return `${value} ${stateName(Number(value))}`;
    case 'role':
      return `${value} ${roleName(Number(value))}`;
    case 'main_id':
      return showUnprintable(String(value)) || '(none)';
    case 'set_uuid':
    case 'spare_uuid':
    case 'peer_uuid':
      // two lines of equal meaning at any width, broken where a person would
      return value === ZERO_UUID ? '(none)' : String(value).replace(/^(.{19})/, '$1\n');
    default:
      return String(value);
  }
}

/** The same for --json: headers as they are, u64 exact. */
export function infoJson({ device, identity, lastingName, diagnosis, copies }: SpareInfo): JsonObject {
  const { choice, module } = diagnosis.survey;
  const chosen = choice.chosen ?? module?.copy;
  return {
    device: {
      path: device.path,
      kind: device.kind,
      size: device.size,
      logical_block_size: device.logicalBlockSize,
      physical_block_size: device.physicalBlockSize,
      model: identity.model,
      serial: identity.serial,
      by_id: identity.byIdPath,
    },
    layout: chosen === undefined ? null : layoutName(diagnosis.survey, chosen.header),
    chosen_copy: choice.chosen?.name ?? null,
    copies: copies.map(({ copy, standing }) => ({
      copy: copy.name,
      byte: copy.headerAt,
      standing,
      valid: isValid(copy),
      faults: [...copy.faults],
      computed_checksum: copy.computed ?? null,
      header: { ...copy.header },
    })),
    problems: problemsJson(diagnosis.problems, lastingName),
  };
}
