import type { BlockDevice } from '../../device/block-device.js';
import type { RemapTable } from '../../format/entry.js';
import { generationAfterFailure, nextGeneration } from '../../format/generation.js';
import { backupHeaderPlace } from '../../format/geometry.js';
import type { Header } from '../../format/header.js';
import { commit, eraseHeader, leavingHeaders, wholeCopy } from '../../store/commit.js';
import { type Content, contentOf, nextContent, placeOf, underGeneration } from '../../store/content.js';
import { type IfFails, inParts, type Phase, type Write } from '../../store/phase.js';
import { relayoutPhases } from '../../store/relayout.js';
import { stepBetween } from '../../store/step.js';
import { bytes, roundUp, SECTOR_SIZE } from '../../units.js';
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
  const reshaped = nextContent(now, placesOf(then.header), then.header.last_update_time);
  const newer = nextGeneration(reshaped.header.generation);
  const last = contentOf(underGeneration(then, newer).block, then.table);
  const atEnd = placeOf(then.header, 'backup').headerAt === backupHeaderPlace(size);
  const entries = commit(stepBetween(reshaped, last), logicalBlockSize);
  const shape: Phase[] = [
    {
      purpose: 'put back what lies beyond the old size',
      writes: pick((at) => at >= end),
      ifFails: { copy: 'backup', secure: [], tidy: [], stands: 'before' },
    },
    ...takeShape(now, reshaped, atEnd, logicalBlockSize),
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

function placesOf(header: Header): Partial<Header> {
  const { max_entries, spare_device_size, data_start, data_sectors, backup_header, backup_table } = header;
  return { max_entries, spare_device_size, data_start, data_sectors, backup_header, backup_table };
}

function takeShape(now: Content, reshaped: Content, atEnd: boolean, logicalBlockSize: number): Phase[] {
  const phases = relayoutPhases(now, reshaped, logicalBlockSize);
  if (atEnd) return phases;
  const ifFails = withoutPrimary(now, reshaped, logicalBlockSize);
  return phases.map((phase, index) => (index === phases.length - 1 ? { ...phase, ifFails } : phase));
}

/** Without the primary nothing tells where the old backup lies: what counts now goes to the end again. */
function withoutPrimary(now: Content, reshaped: Content, logicalBlockSize: number): IfFails {
  const generation = generationAfterFailure(reshaped.header.generation);
  const again: Content = { ...now, ...underGeneration(now, generation) };
  return {
    copy: 'primary',
    secure: [{ purpose: 'write the backup copy at the end again', writes: wholeCopy(again, 'backup') }],
    tidy: [eraseHeader(bytes(0), logicalBlockSize, 'the primary header')],
    stands: 'before',
    generation,
  };
}
