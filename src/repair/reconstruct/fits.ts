import { ENTRY_SIZE } from '../../format/entry.js';
import { type Fit, placesStoring, type SearchResult, sameContent } from './fit.js';
import { normalBlock } from './normal.js';
import type { Places } from './places.js';
import { MOST_AREA, type Witness } from './reading.js';

/** The searches in the order of section 6, the cheapest proof first. */
export const STAGES = ['witness', 'blocks', 'sectors', 'count', 'other-header', 'bit', 'rebuilt'] as const;

export type Stage = (typeof STAGES)[number];

/** A fit with the search that found it first. */
export interface KnownFit extends Fit {
  readonly id: number;
  readonly stage: Stage;
  /** S of section 6: all contents that the searches covered, up to and including that one. */
  readonly searched: bigint;
  /** Why that search could not be run to its end. */
  readonly limits: readonly string[];
}

/** No more contents than this are kept, nor more bytes of their tables: nobody chooses among more. */
const MOST_FITS = 16;
const MOST_BYTES = 256 << 20;

const NOT_KEPT = 'more contents fit than can be kept';

const TOO_LARGE = `tables of more than ${MOST_AREA / ENTRY_SIZE} entries are not searched`;

/** All that was found so far, each content once. */
export class Fits {
  readonly #places: Places;
  readonly #witnesses: readonly Witness[];
  readonly #list: KnownFit[] = [];
  /** Said of every content where it is so: none of the searches sees such a table whole. */
  readonly #tooLarge: readonly string[];
  readonly #limits: Set<string>;
  #bytes = 0;

  constructor(places: Places, witnesses: readonly Witness[]) {
    this.#places = places;
    this.#witnesses = witnesses;
    this.#tooLarge = places.all.some((place) => place.isTooLarge) ? [TOO_LARGE] : [];
    this.#limits = new Set(this.#tooLarge);
  }

  /** Why not everything could be searched or kept. */
  get limits(): readonly string[] {
    return [...this.#limits];
  }

  get all(): readonly KnownFit[] {
    return this.#list;
  }

  /** Some were found and not kept: none of those that were is known to be the only one. */
  get isCut(): boolean {
    return this.#limits.has(NOT_KEPT);
  }

  add({ fits, limits }: SearchResult, stage: Stage, searched: bigint): void {
    for (const limit of limits) this.#limits.add(limit);
    const own = this.#tooLarge.concat(limits);
    for (const fit of fits) {
      const known = this.#list.find(
        (other) => other.tableCrc === fit.tableCrc && sameContent(other.content, fit.content),
      );
      if (known === undefined) this.#keep(fit, stage, searched, own);
      else {
        for (const place of fit.explains) known.explains.add(place);
        for (const place of fit.alone) known.alone.add(place);
      }
    }
  }

  #keep(fit: Fit, stage: Stage, searched: bigint, limits: readonly string[]): void {
    const { length } = fit.content.table.bytes;
    if (this.#list.length >= MOST_FITS || this.#bytes + length > MOST_BYTES) {
      this.#limits.add(NOT_KEPT);
      return;
    }
    this.#bytes += length;
    this.#list.push(
      this.#complete({ ...fit, id: this.#list.length, stage, searched: searched + fit.beyond, limits }),
    );
  }

  #complete(fit: KnownFit): KnownFit {
    const { block, table } = fit.content;
    for (const place of placesStoring(block, fit.tableCrc, table.bytes.length, this.#places.all))
      fit.explains.add(place);
    for (const witness of this.#witnesses) if (holds(witness, fit)) fit.witnesses.add(witness);
    return fit;
  }
}

function holds(witness: Witness, { content }: Fit): boolean {
  return (
    Buffer.compare(normalBlock(witness.block), content.block) === 0 &&
    Buffer.compare(witness.table, content.table.bytes) === 0
  );
}
