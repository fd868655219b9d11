import { MODULE_METADATA_SIZE } from '../../format/module.js';
import { recogniseModule } from '../../format/module-recognition.js';
import type { Candidate, Reconstruction, Searched } from './candidate.js';
import { searchCounts } from './count.js';
import { describeFit } from './describe.js';
import type { SearchResult } from './fit.js';
import { Fits, type KnownFit, type Stage } from './fits.js';
import { lostEntries } from './lost.js';
import { rebuildHeaders, type Told } from './lost-header.js';
import { type MixtureResult, searchMixtures } from './mixture.js';
import { searchBits } from './one-bit.js';
import { searchHeaders, searchWitnesses } from './other-header.js';
import type { Place } from './place.js';
import { type Places, placesOf } from './places.js';
import { Judge, type Verdict } from './proof.js';
import type { DamagedSet, PlaceReading, Witness } from './reading.js';
import { breachesAmong } from './rules.js';

/**
 * Looks for the content of a set on which no copy is valid (format.md section 6).
 *
 * The searches run in the order of that section until one of them has a proven content that the checksums of
 * all copies agree with; where a copy says something else, all of them run, since that may be newer.
 *
 * @param damaged what was read of every place
 * @param witnesses dumps and undo files of any generation
 * @param told for a header to be made anew where nothing else is found
 */
export function reconstruct(
  damaged: DamagedSet,
  witnesses: readonly Witness[] = [],
  told?: Told,
): Reconstruction {
  const found = new Search(placesOf(damaged), witnesses).run(told);
  if (found.candidates.length === 0 || !isModuleImage(damaged.primary)) return found;
  return { ...found, candidates: [], limits: ['the kernel module wrote this: its checksum is another one'] };
}

/** An image whose module checksum fits is never taken for a damaged plain image (section 7). */
function isModuleImage({ block, region }: PlaceReading): boolean {
  const front = new Uint8Array(MODULE_METADATA_SIZE);
  if (block.length + region.length < front.length) return false;
  front.set(block);
  front.set(region.subarray(0, front.length - block.length), block.length);
  return recogniseModule(front)?.certainty === 'certain';
}

class Search {
  readonly #places: Places;
  readonly #witnesses: readonly Witness[];
  readonly #fits: Fits;
  readonly #judge: Judge;
  readonly #covered: Record<keyof Searched, bigint>;
  #proven: KnownFit | undefined;

  constructor(places: Places, witnesses: readonly Witness[]) {
    this.#places = places;
    this.#witnesses = witnesses;
    this.#fits = new Fits(places, witnesses);
    this.#judge = new Judge(places);
    this.#covered = { witness: 0n, mixture: 0n, count: 0n, otherHeader: 0n, oneBit: 0n };
  }

  run(told: Told | undefined): Reconstruction {
    this.#searchAll();
    if (told !== undefined && this.#fits.all.length === 0)
      this.#fits.add(rebuildHeaders(this.#places, told), 'rebuilt', 0n);
    const proven = this.#withoutRival();
    const candidates = this.#fits.all.map((fit) => this.#candidate(fit, fit === proven)).sort(byRank);
    const { limits } = this.#fits;
    return { candidates, searched: this.#covered, complete: limits.length === 0, limits };
  }

  #searchAll(): void {
    const places = this.#places;
    const witnesses = this.#witnesses;
    let blocks: MixtureResult | undefined;
    const stages: readonly (readonly [Stage, keyof Searched, () => SearchResult])[] = [
      ['witness', 'witness', () => searchWitnesses(places, witnesses)],
      ['blocks', 'mixture', () => (blocks = searchMixtures(places, 4096))],
      ['sectors', 'mixture', () => finer(places, blocks)],
      ['count', 'count', () => searchCounts(places, this.#fitting())],
      ['other-header', 'otherHeader', () => searchHeaders(places, witnesses)],
      ['bit', 'oneBit', () => searchBits(places, this.#fitting())],
    ];
    for (const [stage, kind, search] of stages) {
      const result = search();
      this.#covered[kind] = result.covered;
      const searched = Object.values(this.#covered).reduce((sum, covered) => sum + covered, 0n);
      this.#fits.add(result, stage, searched);
      this.#proven ??= this.#fits.all.find((fit) => this.#verdict(fit).against.length === 0);
      if (this.#proven !== undefined && this.#allAgreeWith(this.#proven)) return;
    }
  }

  #verdict(fit: KnownFit): Verdict {
    return this.#judge.verdict(fit, this.#fits);
  }

  #allAgreeWith({ explains }: KnownFit): boolean {
    return this.#places.all.every((place) => !place.speaks || explains.has(place));
  }

  /** Places that fit as they lie, or with no more than what is known anyway put right. */
  #fitting(): Set<Place> {
    return new Set(this.#fits.all.flatMap(({ kind, alone }) => (kind === 'put-right' ? [...alone] : [])));
  }

  /**
   * The proven fit, unless a later search has found something in copies that it does not explain which takes
   * that away: then the other one, if it is proven too, or none.
   */
  #withoutRival(): KnownFit | undefined {
    const proven = this.#proven;
    if (proven === undefined) return undefined;
    const rivals = this.#fits.all.filter(
      ({ explains }) => explains.size > 0 && [...explains].every((place) => !proven.explains.has(place)),
    );
    if (!rivals.some((fit) => this.#judge.outdoes(fit, proven))) return proven;
    return this.#fits.all.find((fit) => fit !== proven && this.#verdict(fit).against.length === 0);
  }

  #candidate(fit: KnownFit, proven: boolean): Candidate {
    const { kind, content, searched, explains, changes } = fit;
    const lost = lostEntries(content, this.#places.all);
    const problems = this.#judge.problemsWith(fit);
    return {
      kind,
      content,
      generation: content.header.generation,
      proven,
      odds: { searched },
      why: describeFit(fit, proven ? { ...this.#verdict(fit), against: [] } : this.#verdict(fit)),
      keeps: content.table.count,
      loses: lost.count,
      lost,
      changes,
      fits: [...explains].map(({ name }) => name),
      problems,
    };
  }
}

/** Sectors after blocks: where every mixture of blocks is one of sectors, too, it is counted once. */
function finer(places: Places, blocks: MixtureResult | undefined): SearchResult {
  if (blocks?.divisible === false) return { ...blocks, fits: [] };
  const sectors = searchMixtures(places, 512);
  if (blocks === undefined) return sectors;
  const within = sectors.decided.some(({ at }) =>
    blocks.open.some((block) => at >= block.at && at < block.at + block.versions[0].length),
  );
  const nested = !within && sectors.covered >= blocks.covered;
  return nested ? sectors : { ...sectors, covered: sectors.covered + blocks.covered };
}

function byRank(a: Candidate, b: Candidate): number {
  const doubts = ({ proven, fits, problems }: Candidate) =>
    (proven ? 0 : 4) + (fits.length > 0 ? 0 : 2) + (breachesAmong(problems).length > 0 ? 1 : 0);
  return (
    doubts(a) - doubts(b) ||
    Number(a.odds.searched > b.odds.searched) - Number(a.odds.searched < b.odds.searched) ||
    a.loses - b.loses
  );
}
