/**
 * Who may correct it. unattended: check -p. proven: also check -y, since nothing can be lost by it.
 * guess: only the operator, one by one. none: no correction of this device removes it.
 */
export type FixClass = 'unattended' | 'proven' | 'guess' | 'none';

/** problem: counts in the exit code. note: does not. refusal: nothing but `info` works (exit 8). */
export type Severity = 'problem' | 'note' | 'refusal';

/** A row of the catalogue: everything that is ever said about a kind of finding. */
export interface CatalogueRow {
  readonly id: string;
  readonly severity: Severity;
  readonly fix: FixClass;
  readonly title: string;
  /** The sentence of a finding, with {copy} {field} {byte} {stored} {expected} {count} {entries} {detail} filled in. */
  readonly says: string;
  /** What it means for the data. */
  readonly means: string;
  /** What the correction does and what it risks; why there is none. */
  readonly corrects: string;
  /** What to type next; {device} and {pair} are filled in. */
  readonly next: string;
}
