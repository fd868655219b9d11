import type { EntryPlace } from '../check/finding.js';
import type { TableDifference } from '../check/survey.js';
import type { BlockDevice } from '../device/block-device.js';
import { ENTRY_WORDS, type RemapTable } from '../format/entry.js';
import { type Choice, contradicting } from '../store/choose.js';
import type { LoadedCopies } from '../store/load.js';
import { TableStream } from './table-stream.js';

/**
 * The first slot in which two whole copies of one generation hold different entries; undefined where their
 * tables begin alike, or no two copies contradict each other.
 */
export async function firstDifference(
  device: BlockDevice,
  copies: LoadedCopies,
  choice: Choice,
): Promise<TableDifference | undefined> {
  const [a, b] = contradicting(choice);
  if (a === undefined || b === undefined) return undefined;
  const second = new TableStream(device, copies, b).parts();
  let slot = 0;
  for await (const part of new TableStream(device, copies, a).parts()) {
    const beside = await second.next();
    if (beside.done) return undefined;
    const [x, y] = [part.entries, beside.value.entries];
    const count = Math.min(x.count, y.count);
    const word = x.words.subarray(0, count * ENTRY_WORDS).findIndex((value, at) => value !== y.words[at]);
    const index = Math.floor(word / ENTRY_WORDS);
    if (word >= 0) return { first: placeOf(x, index, slot), second: placeOf(y, index, slot) };
    slot += count;
  }
  return undefined;
}

function placeOf(table: RemapTable, index: number, before: number): EntryPlace {
  return {
    index: before + index,
    main_sector: table.exactMainSector(index),
    spare_sector: table.exactSpareSector(index),
  };
}
