import { type Header, hasExtension } from '../format/header.js';

/** What the header counts over the life of a set. */
export interface Counts {
  readonly write_errors: number;
  readonly read_errors: number;
  readonly auto_remaps: number;
  readonly manual_remaps: number;
  readonly lost_remaps: number;
}

const NOTHING = {
  write_errors: 0,
  read_errors: 0,
  auto_remaps: 0,
  manual_remaps: 0,
  lost_remaps: 0,
  total_remaps_created: 0,
};

/** What has happened since the last commit, on top of what its header says. */
export class Counters {
  readonly #fresh = { ...NOTHING };
  /** What a header without an extension has no place for: it is counted while the set is open. */
  readonly #kept = { ...NOTHING };

  /** Whether there is something to save. */
  get isDirty(): boolean {
    return Object.values(this.#fresh).some((count) => count !== 0);
  }

  add(counter: keyof Counts, count = 1): void {
    this.#fresh[counter] += count;
    if (counter.endsWith('_remaps') && counter !== 'lost_remaps') this.#fresh.total_remaps_created += count;
  }

  /** With those that are not saved yet. */
  totals(header: Header): Counts {
    const known = hasExtension(header);
    const total = (counter: keyof Counts): number =>
      (known ? Number(header[counter]) : this.#kept[counter]) + this.#fresh[counter];
    return {
      write_errors: total('write_errors'),
      read_errors: total('read_errors'),
      auto_remaps: total('auto_remaps'),
      manual_remaps: total('manual_remaps'),
      lost_remaps: total('lost_remaps'),
    };
  }

  /** The header's counters for the next commit; once it is made, settle() is to be called. */
  fields(header: Header): { readonly fields: Partial<Header>; readonly settle: () => void } {
    const taken = { ...this.#fresh };
    const names = (Object.keys(taken) as (keyof typeof taken)[]).filter(
      (name) => name === 'total_remaps_created' || hasExtension(header),
    );
    const fields: Partial<Header> = {};
    for (const name of names) fields[name] = header[name] + BigInt(taken[name]);
    const settle = (): void => {
      for (const name of Object.keys(taken) as (keyof typeof taken)[]) {
        this.#fresh[name] -= taken[name];
        this.#kept[name] += taken[name];
      }
    };
    return { fields, settle };
  }
}
