import type { BlockDevice } from '../../device/block-device.js';
import type { RemapTable } from '../../format/entry.js';
import { nextGeneration } from '../../format/generation.js';
import { backupHeaderPlace } from '../../format/geometry.js';
import type { Header } from '../../format/header.js';
import { commit, headerSector, leavingHeaders, wholeCopy } from '../../store/commit.js';
import { type Content, contentOf, nextContent, placeOf, underGeneration } from '../../store/content.js';
import { inNewBackup, type Made, makeWhole, movedContent } from '../../store/move.js';
import { type IfFails, inParts, type Phase, type Write } from '../../store/phase.js';
import { relayoutPhases } from '../../store/relayout.js';
import { stepBetween } from '../../store/step.js';
import { type Bytes, roundUp, SECTOR_SIZE } from '../../units.js';
import { dataPhases } from './data.js';
import { areasOf, isWithin, partsOf } from './parts.js';

/** The way back to a redundant set whose copies lay elsewhere: on a device that has grown, or with another capacity. */

export interface Reshaped {
  /** After them both copies lie where they are put back, with the same entries, under a newer generation. */
  readonly phases: readonly Phase[];
  /** What is left to put back: the copies. */
  readonly copies: readonly Write[];
}

/**
 * The set takes its old shape with the entries of now, then the data that lay elsewhere is put back, then the
 * entries. What lies beyond the old size comes first: what a move writes there must not be found beside a set
 * that has grown.
 *
 * @param now what both copies hold, `then` what counts with all of it put back
 * @param writes all that is put back
 * @returns undefined where the entries of now do not fit into the old shape
 */
export function reshape(
  device: BlockDevice,
  writes: readonly Write[],
  now: Content,
  then: Content,
): Reshaped | undefined {
  if (!fits(now.table, then.header)) return undefined;
  const { logicalBlockSize, size } = device;
  const end = roundUp(Number(then.header.spare_device_size) * SECTOR_SIZE, logicalBlockSize);
  const areas = Object.values(areasOf(then.header));
  const isCopy = (at: number) => areas.some((area) => isWithin(at, area));
  const pick = (wanted: (at: number) => boolean) => partsOf(writes, logicalBlockSize, wanted);
  const data = pick((at) => at < end && !isCopy(at));
  const [beside, named] = dataPhases(data, now.table, logicalBlockSize);
  const atEnd = placeOf(then.header, 'backup').headerAt === backupHeaderPlace(size);
  const { phases: taking, content: reshaped } = (atEnd ? shapeAtEnd : shapeBefore)(now, then.header, device);
  const newer = nextGeneration(reshaped.header.generation);
  const last = contentOf(underGeneration(then, newer).block, then.table);
  const entries = commit(stepBetween(reshaped, last), logicalBlockSize);
  const shape: Phase[] = [
    {
      purpose: 'put back what lies beyond the old size',
      writes: pick((at) => at >= end),
      ifFails: { copy: 'backup', secure: [], tidy: [], stands: 'before' },
    },
    ...taking,
  ];
  const content: Phase[] = [beside, ...(atEnd ? entries : leavingHeaders(entries)), named];
  const phases = inParts([shape, content]);
  return {
    phases: phases.filter((phase) => phase.writes.length > 0),
    copies: pick((at) => at < end && isCopy(at)),
  };
}

/** Whether every entry lies among the data sectors of a set with this header, and there is a slot for each. */
function fits(table: RemapTable, { max_entries, data_start, data_sectors }: Header): boolean {
  if (table.count > max_entries) return false;
  for (const slot of table.live()) {
    const sector = BigInt(table.spareSector(slot));
    if (sector < data_start || sector >= data_start + data_sectors) return false;
  }
  return true;
}

function hasPlacesOf(header: Header, then: Header): boolean {
  return Object.entries(placesOf(then)).every(([name, value]) => header[name as keyof Header] === value);
}

function placesOf(header: Header): Partial<Header> {
  const { max_entries, spare_device_size, data_start, data_sectors, backup_header, backup_table } = header;
  return { max_entries, spare_device_size, data_start, data_sectors, backup_header, backup_table };
}

/**
 * A backup that is to lie at the end of a device that has grown goes there as in a check: what a power cut leaves of
 * it beyond the known size is known there as its own. Then the shape is taken, where it is still another one.
 */
function shapeAtEnd(now: Content, then: Header, { size, logicalBlockSize }: BlockDevice): Made {
  const move = { size, now: then.last_update_time };
  const { phases, content } = makeWhole(now, { damaged: new Set(), move, logicalBlockSize });
  if (hasPlacesOf(content.header, then)) return { phases, content };
  const reshaped = nextContent(content, placesOf(then), then.last_update_time);
  const taking = relayoutPhases(content, reshaped, logicalBlockSize);
  return { phases: inParts([phases, taking]), content: reshaped };
}

function shapeBefore(now: Content, then: Header, { size, logicalBlockSize }: BlockDevice): Made {
  const reshaped = nextContent(now, placesOf(then), then.last_update_time);
  const phases = relayoutPhases(now, reshaped, logicalBlockSize);
  const ifFails = withoutPrimary(reshaped, size, logicalBlockSize);
  return {
    phases: phases.map((phase, index) => (index === phases.length - 1 ? { ...phase, ifFails } : phase)),
    content: reshaped,
  };
}

/**
 * Without the primary nothing tells where the old backup lies: the backup in the old shape goes to the end. It is
 * what a move writes there, since the primary may have the old shape; and its header comes last, since the primary may
 * have the shape of now, beside which a torn copy of that generation would wait for the operator.
 */
function withoutPrimary(reshaped: Content, size: Bytes, logicalBlockSize: number): IfFails {
  const moved = movedContent(reshaped, size, reshaped.header.last_update_time);
  const { headerAt } = placeOf(moved.header, 'backup');
  const behindHeader = partsOf(wholeCopy(moved, 'backup'), logicalBlockSize, (at) => at !== headerAt);
  return {
    ...inNewBackup(reshaped, moved, logicalBlockSize),
    secure: [
      { purpose: 'write the backup copy at the end, without its header', writes: behindHeader },
      headerSector(moved, 'backup', logicalBlockSize),
    ],
  };
}
