import type { RemapTable } from '../../format/entry.js';
import { HEADER, HEADER_SIZE, STATE } from '../../format/header.js';
import { MODULE_CAPACITY, unalignedEntries } from '../../format/module.js';
import { fieldNamed } from '../../layout/layout.js';
import type { ModuleImage } from '../../store/module-image.js';
import type { EntryPlace, Finding } from '../finding.js';
import type { ModuleMain, SectorVerdict, Survey } from '../survey.js';

/** What is to be said of a spare of the kernel module (format.md section 7). */

/** How many of the entries concerned a finding shows. */
const SHOWN = 10;

export function ruleModule({ module, moduleMain }: Survey): Finding[] {
  if (module === undefined) return [];
  return [
    ...layoutFindings(module),
    ...tableFindings(module),
    ...firstEntryFindings(module, moduleMain),
    ...fillerFindings(module),
    ...gapFindings(module),
    ...unalignedFindings(module, moduleMain),
    ...fullFindings(module),
  ];
}

/** The image of the module that the module itself reads. */
export function acceptedModule({ module }: Survey): ModuleImage | undefined {
  return module?.standing === 'accepted' ? module : undefined;
}

/**
 * The survey as it would be if the module's entries were those of a plain set: what the rules of entries, sizes and
 * main judge. Where the size of main is not known nothing lies beyond it.
 */
export function asPlainSet(survey: Survey): Survey {
  const { module, choice } = survey;
  if (module === undefined) return survey;
  const { copy, content } = module;
  const { header } = copy;
  const unbounded = header.main_device_size === 0n ? { ...header, main_device_size: UNKNOWN_SIZE } : header;
  return {
    ...survey,
    table: content.table,
    choice: { ...choice, chosen: { ...copy, header: unbounded }, others: [] },
  };
}

const UNKNOWN_SIZE = 2n ** 64n - 1n;

function at(field: string): Pick<Finding, 'copy' | 'field' | 'byte'> {
  return { copy: 'primary', field, byte: fieldNamed(HEADER, field).offset };
}

function layoutFindings({ standing, evidence: { says }, header }: ModuleImage): Finding[] {
  if (standing !== 'accepted') return [{ id: 'module-image', copy: 'primary', detail: says }];
  const accepted: Finding = { id: 'module-accepted', copy: 'primary', detail: says };
  if (header.state === STATE.clean) return [accepted];
  return [accepted, { id: 'module-state', ...at('state'), stored: header.state, expected: STATE.clean }];
}

function tableFindings(image: ModuleImage): Finding[] {
  const { table, header, content } = image;
  const stored = header.entry_count;
  const { count } = content.table;
  switch (table) {
    case 'whole':
      return [];
    case 'missing':
      return [{ id: 'module-table-missing', ...at('entry_count'), stored }];
    case 'unfinished':
      return [{ id: 'module-unfinished', ...at('state'), stored: header.state, count }];
    case 'torn':
      return [
        {
          id: 'module-torn',
          ...at('entry_count'),
          stored,
          count,
          entries: placesOf(image, allOf(content.table)),
        },
      ];
  }
}

function firstEntryFindings({ first }: ModuleImage, main: ModuleMain | undefined): Finding[] {
  const place = { copy: 'primary', byte: HEADER_SIZE } as const;
  if (first.kind === 'proven')
    return [{ id: 'module-first-entry-proven', ...place, stored: first.reads, expected: first.main }];
  if (first.kind !== 'lost') return [];
  const { reads: stored, spare: expected } = first;
  return [{ id: 'module-first-entry-lost', ...place, stored, expected, detail: knownOfMain(main) }];
}

/** What narrows down which sector of main the first entry stood for. */
function knownOfMain(main: ModuleMain | undefined): string {
  if (main === undefined)
    return 'With --main MAIN, sectors of main that cannot be read may tell which it was';
  const { unreadable, logged } = main;
  const parts = [
    ...(unreadable.length === 0 ? [] : [`unreadable on main: sector ${listOf(unreadable)}`]),
    ...(logged.length === 0 ? [] : [`failed by the kernel log: sector ${listOf(logged)}`]),
  ];
  if (parts.length > 0) return `In no entry, but ${parts.join('; ')}`;
  return 'Near the sectors that other entries name, main has no other one that cannot be read';
}

function listOf(sectors: readonly number[]): string {
  const more = sectors.length > SHOWN ? ` and ${sectors.length - SHOWN} more` : '';
  return sectors.slice(0, SHOWN).join(', ') + more;
}

function fillerFindings({ fillers, table }: ModuleImage): Finding[] {
  return fillers === 0 || table !== 'whole' ? [] : [{ id: 'module-filler', copy: 'primary', count: fillers }];
}

/** What the module would not take back from a header that it accepts. */
function gapFindings(image: ModuleImage): Finding[] {
  const {
    standing,
    content: { table },
  } = image;
  if (standing !== 'accepted') return [];
  const first = table.spareSector(0);
  const from = allOf(table).find((index) => table.spareSector(index) !== first + index);
  if (from === undefined) return [];
  const after = allOf(table).slice(from);
  return [
    {
      id: 'module-gap',
      copy: 'primary',
      count: after.length,
      entries: placesOf(image, after),
      expected: first + from,
    },
  ];
}

function unalignedFindings(image: ModuleImage, main: ModuleMain | undefined): Finding[] {
  const { table } = image.content;
  const indices = unalignedEntries(table);
  if (indices.length === 0) return [];
  const detail =
    main === undefined ? 'With --main MAIN both are compared' : comparisonOf(image, indices, main.compared);
  return [
    {
      id: 'module-unaligned',
      copy: 'primary',
      count: indices.length,
      entries: placesOf(image, indices),
      detail,
    },
  ];
}

const VERDICTS: Readonly<Record<SectorVerdict, string>> = {
  equal: 'main and spare hold the same',
  'main-newer': 'main looks newer: the spare sector is empty or cannot be read',
  'spare-newer': 'the spare looks newer: the sector of main is empty or cannot be read',
  differ: 'both hold data, and nothing tells which is newer',
};

function comparisonOf(
  { slots }: ModuleImage,
  indices: readonly number[],
  compared: ReadonlyMap<number, SectorVerdict>,
): string {
  const namesOf = (some: readonly number[]) => named(some.map((index) => slots[index] ?? index));
  const parts = (Object.keys(VERDICTS) as SectorVerdict[]).flatMap((verdict) => {
    const entries = indices.filter((index) => compared.get(index) === verdict);
    return entries.length === 0 ? [] : [`${VERDICTS[verdict]} (${namesOf(entries)})`];
  });
  const unknown = indices.filter((index) => !compared.has(index));
  if (unknown.length > 0) parts.push(`neither can be read (${namesOf(unknown)})`);
  return `Compared with main: ${parts.join('; ')}`;
}

function named(entries: readonly number[]): string {
  return `${entries.length === 1 ? 'entry' : 'entries'} ${listOf(entries)}`;
}

function fullFindings({ header }: ModuleImage): Finding[] {
  return header.entry_count === MODULE_CAPACITY ? [{ id: 'module-full', copy: 'primary' }] : [];
}

function allOf(table: RemapTable): number[] {
  return Array.from({ length: table.count }, (_, index) => index);
}

function placesOf({ slots, content: { table } }: ModuleImage, indices: readonly number[]): EntryPlace[] {
  return indices.slice(0, SHOWN).map((index) => ({
    index: slots[index] ?? index,
    main_sector: table.exactMainSector(index),
    spare_sector: table.exactSpareSector(index),
  }));
}
