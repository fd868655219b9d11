/**
 * What is written to one medium between its flushes, by the model of format.md section 4: a power cut leaves
 * any subset of what was written since the last successful flush, each cell whole or not at all.
 */

/** The number of a logical block, or the name of a part of a file system. */
export type CellKey = number | string;

/** What a cell holds. Undefined: nothing, as a file that is not there. */
export type CellValue = Uint8Array | number | undefined;

/** What a power cut at one instant may leave on a medium. */
export interface MediumInstant {
  /** Cells that are durable and hold something else than when the recording began. */
  readonly settled: ReadonlyMap<CellKey, CellValue>;
  /** Cells that hold one of several values, the oldest first. */
  readonly open: ReadonlyMap<CellKey, readonly CellValue[]>;
}

interface OpenCell {
  /** Each once, the oldest first. */
  readonly values: CellValue[];
  /** Written since the last flush that was tried: that flush failing, it is unknown what of it is there. */
  last: { readonly value: CellValue } | undefined;
}

export class Medium {
  readonly #settled = new Map<CellKey, CellValue>();
  readonly #open = new Map<CellKey, OpenCell>();

  /** Whether nobody can say what the cell would hold after a power cut. */
  isOpen(key: CellKey): boolean {
    return this.#open.has(key);
  }

  /** @param before what the cell holds durably, if it is not open */
  write(key: CellKey, value: CellValue, before: CellValue): void {
    const cell = this.#open.get(key) ?? { values: [before], last: undefined };
    if (!cell.values.some((one) => sameValue(one, value))) cell.values.push(value);
    cell.last = { value };
    this.#open.set(key, cell);
  }

  /** Makes durable what was written to these cells since the last flush that was tried. */
  flush(covers: (key: CellKey) => boolean = () => true): void {
    for (const [key, { last }] of this.#open)
      if (last !== undefined && covers(key)) {
        this.#settled.set(key, last.value);
        this.#open.delete(key);
      }
  }

  /**
   * The system answers the error once and forgets what it could not write: whatever a later flush answers,
   * these cells stay unknown until they are written again.
   */
  failFlush(covers: (key: CellKey) => boolean = () => true): void {
    for (const [key, cell] of this.#open) if (covers(key)) cell.last = undefined;
  }

  instant(): MediumInstant {
    const open = [...this.#open].filter(([, { values }]) => values.length > 1);
    return {
      settled: new Map(this.#settled),
      open: new Map(open.map(([key, { values }]) => [key, [...values]])),
    };
  }
}

function sameValue(a: CellValue, b: CellValue): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;
}
