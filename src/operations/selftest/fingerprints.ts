import type { CellValue } from '../../device/crash/medium.js';
import type { Outcome } from '../../device/crash/outcomes.js';

/** The states that were tried, by which values their cells have; a value is known by its object. */
export class Fingerprints {
  readonly #seen = new Set<string>();
  readonly #numbers = new Map<CellValue, number>();

  /** @returns false where this state was tried with the same demands already */
  add(outcome: Outcome, allowed: readonly (string | undefined)[]): boolean {
    const cells = outcome.flatMap((cells, medium) =>
      Array.from(cells, ([key, value]) => `${medium}:${key}=${this.#numberOf(value)}`),
    );
    const fingerprint = `${allowed.map((one) => one?.length).join()} ${cells.sort().join(' ')}`;
    const isNew = !this.#seen.has(fingerprint);
    this.#seen.add(fingerprint);
    return isNew;
  }

  #numberOf(value: CellValue): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
