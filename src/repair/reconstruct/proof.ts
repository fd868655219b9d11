import type { Problem } from '../../check/finding.js';
import type { Choice } from '../../store/choose.js';
import type { Copy } from '../../store/copy.js';
import { sayAmount } from './amount.js';
import type { Fits, KnownFit } from './fits.js';
import { checksumIn } from './normal.js';
import type { Place } from './place.js';
import type { Places } from './places.js';
import { breachesAmong, choose, damagedCopy, problemsOf, sealedCopy } from './rules.js';

/** More contents than this must not have been searched for a match to be a proof (format.md section 6). */
const MOST_SEARCHED = 2n ** 17n;

/** Beyond this many entries two flipped bits can look like one. */
const MOST_ENTRIES_FOR_A_BIT = 459;

/** What is known for and against a fit. */
export interface Verdict {
  /** Why it is not proven; none where it is. */
  readonly against: readonly string[];
  /** The witness that is no checksum, if there is one. */
  readonly witness: string | undefined;
}

/** Judges fits by section 6's definition of proven. */
export class Judge {
  readonly #places: Places;
  readonly #problems = new Map<string, readonly Problem[]>();
  readonly #copies = new Map<KnownFit | undefined, Map<Place, Copy>>();

  constructor(places: Places) {
    this.#places = places;
  }

  /** What check would say if the copies that a fit explains lay there whole. */
  problemsWith(fit: KnownFit): readonly Problem[] {
    const key = `${fit.id} ${fit.explains.size}`;
    const known = this.#problems.get(key);
    if (known !== undefined) return known;
    const { deviceSize } = this.#places;
    const { choice, chosen } = this.#chooseWith([fit]);
    // where something else is chosen, its own rules are still to be known
    const alone: Choice = { ...choice, chosen: this.#soleCopy(fit), others: [] };
    const problems = problemsOf(chosen === fit ? choice : alone, fit.content.table, deviceSize);
    this.#problems.set(key, problems);
    return problems;
  }

  /** @param fits all that was found by the searches up to now */
  verdict(fit: KnownFit, fits: Fits): Verdict {
    const witness = this.#witnessOf(fit);
    return {
      witness,
      against: [
        ...this.#againstSearch(fit, fits),
        ...this.#againstContent(fit),
        ...(witness === undefined ? againstOdds(fit) : []),
      ],
    };
  }

  /**
   * Whether a fit of other places takes away what a proven one proves: section 5 would choose it instead, or
   * would choose neither of them; that only where it is no chance match.
   */
  outdoes(fit: KnownFit, proven: KnownFit): boolean {
    const { chosen } = this.#chooseWith([proven, fit]);
    if (chosen === proven) return false;
    return chosen === fit || (againstOdds(fit).length === 0 && this.#againstContent(fit).length === 0);
  }

  /** Condition 1: the search was run to its end, exactly one content fits, and section 5 would choose it. */
  #againstSearch(fit: KnownFit, { all, isCut }: Fits): string[] {
    if (fit.explains.size === 0) return ['no checksum on the device vouches for it'];
    const against = fit.limits.map((limit) => `the search could not be run to its end: ${limit}`);
    if (isCut) against.push('more contents fit than can be kept');
    const rivals = all.filter(
      (other) => other !== fit && [...other.explains].some((place) => fit.explains.has(place)),
    );
    if (rivals.length > 0) return [...against, `${rivals.length + 1} contents fit the same checksum`];
    const others = all.filter((other) => other !== fit && other.explains.size > 0);
    const { chosen } = this.#chooseWith([fit, ...others]);
    if (chosen !== undefined && chosen !== fit)
      against.push(`generation ${chosen.content.header.generation} fits, too, and counts before this one`);
    if (chosen === undefined) against.push('what else stands on the device contradicts it');
    return against;
  }

  /** Condition 2: the content obeys every rule. */
  #againstContent(fit: KnownFit): string[] {
    const breaches = breachesAmong(this.problemsWith(fit));
    return breaches.length === 0 ? [] : [`it breaks rules: ${breaches.map(({ id }) => id).join(', ')}`];
  }

  #witnessOf(fit: KnownFit): string | undefined {
    const [witness] = fit.witnesses;
    if (witness !== undefined) return `${witness.label} holds the same`;
    const alone = [...fit.alone];
    const independent = alone.some((place, index) =>
      alone.slice(index + 1).some((other) => !damagedAlike(place, other, fit)),
    );
    return independent ? 'both copies, damaged differently, are corrected to it' : undefined;
  }

  #soleCopy(fit: KnownFit): Copy {
    const [place = this.#places.primary] = fit.explains;
    return this.#copy(fit, place);
  }

  /** What lies at a place once a fit is written there, or as it is. */
  #copy(fit: KnownFit | undefined, place: Place): Copy {
    const copies = this.#copies.get(fit) ?? new Map<Place, Copy>();
    this.#copies.set(fit, copies);
    const known = copies.get(place);
    if (known !== undefined) return known;
    const { deviceSize } = this.#places;
    const copy = fit === undefined ? damagedCopy(place, deviceSize) : sealedCopy(fit, place, deviceSize);
    copies.set(place, copy);
    return copy;
  }

  /** What section 5 chooses where each place holds the first of these fits that explains it. */
  #chooseWith(fits: readonly KnownFit[]): { choice: Choice; chosen: KnownFit | undefined } {
    const { all, primary } = this.#places;
    const fitOf = new Map<Copy, KnownFit>();
    const copies = all.map((place) => {
      // what only a witness vouches for would be written to the primary
      const explains = (fit: KnownFit) =>
        fit.explains.has(place) || (fit.explains.size === 0 && place === primary);
      const fit = fits.find(explains);
      const copy = this.#copy(fit, place);
      if (fit !== undefined) fitOf.set(copy, fit);
      return copy;
    });
    const choice = choose(copies, (a, b) => {
      const [one, other] = [fitOf.get(a), fitOf.get(b)];
      if (one === undefined || other === undefined) return false;
      return one === other || Buffer.compare(one.content.table.bytes, other.content.table.bytes) === 0;
    });
    return { choice, chosen: choice.chosen === undefined ? undefined : fitOf.get(choice.chosen) };
  }
}

/** Condition 3, where no witness stands in for it. */
function againstOdds({ searched, kind, content }: KnownFit): string[] {
  const against: string[] = [];
  if (searched > MOST_SEARCHED)
    against.push(`${sayAmount(searched)} contents were searched, more than ${MOST_SEARCHED}`);
  if (kind === 'one-bit' && content.table.count > MOST_ENTRIES_FOR_A_BIT)
    against.push(
      `with ${content.table.count} entries, more than ${MOST_ENTRIES_FOR_A_BIT}, two flipped bits can look like one`,
    );
  return against;
}

/** What is wrong in two places, measured by a fit, is the same: one damage, seen twice, is no second witness. */
function damagedAlike(a: Place, b: Place, { content, tableCrc }: KnownFit): boolean {
  const { max_entries, entry_count } = content.header;
  const [one, other] = [a, b].map((place) => place.slots(max_entries, entry_count));
  const wrongSum = ({ name, stored }: Place) =>
    (stored ^ checksumIn(name, content.block, tableCrc, content.table.bytes.length)) >>> 0;
  return (
    one !== undefined &&
    other !== undefined &&
    Buffer.compare(a.normal, b.normal) === 0 &&
    Buffer.compare(one, other) === 0 &&
    wrongSum(a) === wrongSum(b)
  );
}
