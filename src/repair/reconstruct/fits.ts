import { type Fit, placesStoring, type SearchResult, sameContent } from './fit.js';
import { normalBlock } from './normal.js';
import type { Places } from './places.js';
import type { Witness } from './reading.js';

/** The searches in the order of section 6, the cheapest proof first. */
export const STAGES = ['witness', 'blocks', 'sectors', 'count', 'other-header', 'bit'] as const;

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

/** All that was found so far, each content once. */
export class Fits {
  readonly #places: Places;
  readonly #witnesses: readonly Witness[];
  readonly #list: KnownFit[] = [];

  constructor(places: Places, witnesses: readonly Witness[]) {
    this.#places = places;
    this.#witnesses = witnesses;
  }

  get all(): readonly KnownFit[] {
    return this.#list;
  }

  add({ fits, limits }: SearchResult, stage: Stage, searched: bigint): void {
    for (const fit of fits) {
      const known = this.#list.find(
        (other) => other.tableCrc === fit.tableCrc && sameContent(other.content, fit.content),
      );
      if (known === undefined)
        this.#list.push(
          this.#complete({ ...fit, id: this.#list.length, stage, searched: searched + fit.beyond, limits }),
        );
      else {
        for (const place of fit.explains) known.explains.add(place);
        for (const place of fit.alone) known.alone.add(place);
      }
    }
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
