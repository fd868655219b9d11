import { readInput } from '../device/input-file.js';
import { DmremapError } from '../errors.js';
import type { BadList, ListedSectors } from '../exchange/bad-list.js';
import { readBadblocks } from '../exchange/badblocks.js';
import { type DdrescueStatus, readMapfile } from '../exchange/ddrescue.js';
import { readKernelLog } from '../exchange/kernel-log.js';
import type { SectorRange } from '../exchange/quantities.js';
import { readSmartctl } from '../exchange/smartctl.js';
import type { Span } from '../remap/selection.js';
import { type Sectors, sectors } from '../units.js';
import { refuseBeyond } from './main-sectors.js';

/** A file in which another tool names bad sectors; `-` is standard input. */
export type ListSource = { readonly file: string } & (
  | { readonly kind: 'badblocks' /** In bytes. */; readonly blockSize: number }
  | { readonly kind: 'ddrescue'; readonly statuses: readonly DdrescueStatus[] }
  | { readonly kind: 'kernel-log' /** The kernel's name of the disk. */; readonly device: string }
  | { readonly kind: 'smartctl' }
);

/** Sectors of main as somebody names them. */
export interface NamedSectors {
  readonly ranges: readonly SectorRange[];
  readonly list?: ListSource | undefined;
  /**
   * Added to every sector of the list: the first sector of the partition that it was made of, or its negative
   * where main is a partition and the list is one of the whole disk.
   */
  readonly offset: number;
}

export interface FoundSectors {
  readonly spans: readonly Span[];
  /** What of the list nothing is made of, and why. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** That a list names nothing. */
  readonly warnings: readonly string[];
}

/**
 * The sectors of main that are named.
 *
 * @throws DmremapError `usage` where one is beyond the end of main, or a list is ill-formed (with data.line)
 */
export async function findSectors(
  { ranges, list, offset }: NamedSectors,
  main: { readonly size: Sectors; readonly logicalBlockSize: number },
): Promise<FoundSectors> {
  refuseBeyond(ranges, BigInt(main.size));
  const spans = ranges.map(spanOf);
  if (list === undefined) return { spans, leftOut: new Map(), warnings: [] };
  try {
    const { listed, leftOut } = readList(await textOf(list.file), list, main.logicalBlockSize);
    const moved =
      offset === 0 ? listed : listed.map((one) => ({ ...one, first: sectors(one.first + offset) }));
    const inside = offset < 0 ? moved.filter((one) => isInside(one, main.size)) : moved;
    refuseBeyond(inside, BigInt(main.size));
    const outside = moved.length - inside.length;
    const reasons = outside === 0 ? leftOut : new Map([...leftOut, ['sectors outside of main', outside]]);
    const warnings = listed.length === 0 ? [namesNothing(list)] : [];
    return { spans: [...spans, ...inside.map(spanOf)], leftOut: reasons, warnings };
  } catch (error) {
    throw inFile(list.file, error);
  }
}

/** Sectors of main that a list names, each by itself. @throws DmremapError as findSectors */
export async function loggedSectors(
  list: ListSource | undefined,
  main: { readonly size: Sectors; readonly logicalBlockSize: number },
): Promise<number[]> {
  if (list === undefined) return [];
  const { spans } = await findSectors({ ranges: [], list, offset: 0 }, main);
  return spans.flatMap(([first, end]) => Array.from({ length: end - first }, (_, index) => first + index));
}

function spanOf({ first, count }: SectorRange): Span {
  return [first, first + count];
}

function isInside({ first, count }: ListedSectors, size: number): boolean {
  return first >= 0 && first + count <= size;
}

function readList(text: string, list: ListSource, blockSize: number): BadList {
  switch (list.kind) {
    case 'badblocks':
      return readBadblocks(text, list.blockSize);
    case 'ddrescue':
      return readMapfile(text, list.statuses);
    case 'smartctl':
      return readSmartctl(text, blockSize);
    case 'kernel-log': {
      const log = readKernelLog(text, list.device);
      if (log.devices.length > 0 && !log.devices.includes(list.device))
        throw new DmremapError('usage', `no failed request of ${list.device} stands in it`, {
          hint: `it names ${log.devices.join(', ')}: the kernel names whole disks, not partitions`,
        });
      return log;
    }
  }
}

/** A log of other disks alone was refused: this one tells of none, or of this disk only what is left out. */
function namesNothing(list: ListSource): string {
  const file = fileOf(list.file);
  return list.kind === 'kernel-log'
    ? `${file} names no bad sector of ${list.device}`
    : `${file} names no bad sector`;
}

/** The most that is read of a list, in bytes. */
const MOST = 1 << 28;

async function textOf(file: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of readInput(file)) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MOST) throw new DmremapError('usage', `it is larger than ${MOST} bytes`);
  }
  return text + decoder.decode();
}

/** What is wrong with a list, which now says which one. */
function inFile(name: string, error: unknown): unknown {
  if (!(error instanceof DmremapError) || error.code !== 'usage') return error;
  const { code, message, hint, data } = error;
  const file = fileOf(name);
  const named = message.includes(file) ? message : `${file}: ${message}`;
  return new DmremapError(code, named, { ...(hint === undefined ? {} : { hint }), data, cause: error });
}

function fileOf(name: string): string {
  return name === '-' ? 'standard input' : name;
}
