/** The flags that name a list of bad sectors which another tool has made. */
import * as Flags from '@oclif/core/flags';
import { DmremapError } from '../errors.js';
import { BADBLOCKS_BLOCK_SIZE } from '../exchange/badblocks.js';
import { DDRESCUE_FAILED, DDRESCUE_STATUSES, type DdrescueStatus } from '../exchange/ddrescue.js';
import { parseSize, type SectorRange } from '../exchange/quantities.js';
import type { ListSource, NamedSectors } from '../operations/bad-sectors.js';
import type { Bytes } from '../units.js';
import { offsetFlag } from './flags.js';

const statusesFlag = Flags.custom<readonly DdrescueStatus[]>({
  parse: async (text) => {
    const wrong = [...text].find((letter) => !isStatus(letter));
    if (text === '' || wrong !== undefined)
      throw new DmremapError('usage', `${JSON.stringify(wrong ?? text)} is no status of a ddrescue mapfile`, {
        hint: `the statuses are ${DDRESCUE_STATUSES.join(' ')}`,
      });
    return [...text].filter(isStatus);
  },
  helpValue: 'STATUSES',
});

function isStatus(letter: string): letter is DdrescueStatus {
  return DDRESCUE_STATUSES.some((status) => status === letter);
}

/** Of a list of badblocks; BADBLOCKS_BLOCK_SIZE unless told. */
export const blockSizeFlag = Flags.custom<Bytes>({
  parse: async (text) => parseSize(text),
  helpValue: 'SIZE',
  defaultHelp: async () => String(BADBLOCKS_BLOCK_SIZE),
});

export const listFlags = {
  badblocks: Flags.string({ description: 'Sectors from a list of badblocks.', helpValue: 'FILE' }),
  'block-size': blockSizeFlag({
    description: 'The size of a block in that list.',
    dependsOn: ['badblocks'],
  }),
  ddrescue: Flags.string({ description: 'Sectors from a mapfile of ddrescue.', helpValue: 'FILE' }),
  statuses: statusesFlag({
    description: `Blocks of which statuses; ${DDRESCUE_FAILED.join('')} unless told.`,
    dependsOn: ['ddrescue'],
  }),
  'kernel-log': Flags.string({
    description: 'Sectors from kernel messages of failed requests.',
    helpValue: 'FILE',
    dependsOn: ['log-device'],
  }),
  'log-device': Flags.string({
    description: 'Of this disk, by the name that it had in that log.',
    helpValue: 'NAME',
    dependsOn: ['kernel-log'],
  }),
  smartctl: Flags.string({
    description: "Sectors from what smartctl printed of a drive's logs, as text or JSON.",
    helpValue: 'FILE',
  }),
  offset: offsetFlag({
    description: 'Added to the sectors of the list: where the partition begins that it was made of.',
  }),
};

/** Of check and repair: what may tell which sector the kernel module's first entry stood for. */
export const kernelLogFlags = {
  'kernel-log': Flags.string({
    description: 'Kernel messages of failed requests, for an entry of the kernel module that is lost.',
    helpValue: 'FILE',
    dependsOn: ['log-device', 'main'],
  }),
  'log-device': listFlags['log-device'],
};

/** The list that these flags name. */
export function kernelLogOf(flags: Pick<ListFlags, 'kernel-log' | 'log-device'>): ListSource | undefined {
  return listsOf(flags)[0];
}

/** As a command has parsed them. */
export interface ListFlags {
  readonly badblocks?: string | undefined;
  readonly 'block-size'?: number | undefined;
  readonly ddrescue?: string | undefined;
  readonly statuses?: readonly DdrescueStatus[] | undefined;
  readonly 'kernel-log'?: string | undefined;
  readonly 'log-device'?: string | undefined;
  readonly smartctl?: string | undefined;
  readonly offset?: number | undefined;
}

/**
 * The sectors that a line names: by themselves, or by one list.
 *
 * @throws DmremapError `usage` where there is none of these, or more than one
 */
export function namedSectors(ranges: readonly SectorRange[], flags: ListFlags): NamedSectors {
  const lists = listsOf(flags);
  const [list] = lists;
  if (lists.length + (ranges.length > 0 ? 1 : 0) !== 1)
    throw new DmremapError('usage', 'name sectors, or one list of sectors', {
      hint: 'SECTOR..., --badblocks, --ddrescue, --kernel-log with --log-device, or --smartctl',
    });
  if (flags.offset !== undefined && list === undefined)
    throw new DmremapError('usage', '--offset is for lists: sectors are those of main');
  return { ranges, list, offset: flags.offset ?? 0 };
}

function listsOf(flags: ListFlags): ListSource[] {
  const { badblocks, ddrescue, smartctl } = flags;
  const log = flags['kernel-log'];
  const lists: ListSource[] = [];
  if (badblocks !== undefined)
    lists.push({ kind: 'badblocks', file: badblocks, blockSize: blockSizeOf(flags['block-size']) });
  if (ddrescue !== undefined)
    lists.push({ kind: 'ddrescue', file: ddrescue, statuses: flags.statuses ?? DDRESCUE_FAILED });
  if (log !== undefined)
    lists.push({
      kind: 'kernel-log',
      file: log,
      device: (flags['log-device'] ?? '').replace(/^\/dev\//, ''),
    });
  if (smartctl !== undefined) lists.push({ kind: 'smartctl', file: smartctl });
  return lists;
}

/** In bytes. */
export function blockSizeOf(given: number | undefined): number {
  if (given === 0) throw new DmremapError('usage', 'a block of 0 bytes is none');
  return given ?? BADBLOCKS_BLOCK_SIZE;
}
