import type { CopyName } from '../store/copy.js';
import type { ProblemId } from './catalogue/index.js';
import type { CatalogueRow } from './catalogue/row.js';

export interface EntryPlace {
  readonly index: number;
  readonly main_sector: bigint;
  readonly spare_sector: bigint;
}

/** What a rule found and where: the id of a catalogue row and the facts that fill its sentence. */
export interface Finding {
  readonly id: ProblemId;
  readonly copy?: CopyName;
  readonly field?: string;
  /** On the device. */
  readonly byte?: number;
  readonly stored?: number | bigint | string;
  readonly expected?: number | bigint | string;
  readonly detail?: string;
  /** Both spares of a pair, source first, as they are named in a line that may be typed later. */
  readonly pair?: readonly [source: string, target: string];
  /** Entries or sectors concerned, of which `entries` shows the first. */
  readonly count?: number;
  readonly entries?: readonly EntryPlace[];
}

/** A finding with its row: what reports and renderers work with. */
export interface Problem extends Finding {
  readonly row: CatalogueRow;
}
