import { extendCrc } from '../../format/checksum.js';
import { shiftCrc } from '../../format/crc-algebra.js';
import { HEADER_SIZE, isRedundant } from '../../format/header.js';
import { type Bytes, bytes } from '../../units.js';
import type { BlockChange } from './candidate.js';
import { type Fit, makeFit, type SearchResult } from './fit.js';
import { type HeaderOption, headerOptions, type Unit } from './header-options.js';
import { checksumIn } from './normal.js';
import type { Piece } from './piece.js';
import type { Place } from './place.js';
import type { Places } from './places.js';
import { SubsetSums } from './subset-sums.js';
import { tablePieces } from './table-pieces.js';

/** More matches of one checksum than this are not listed: none is proven then, and each holds a table. */
const LISTED = 2;

export interface MixtureResult extends SearchResult {
  /** The pieces of the tables that were left open, and those that a rule decided. */
  readonly open: readonly Piece[];
  readonly decided: readonly Piece[];
  /** There are two tables to be mixed. */
  readonly divisible: boolean;
}

const NONE: MixtureResult = {
  fits: [],
  covered: 0n,
  limits: [],
  open: [],
  decided: [],
  divisible: false,
};

/**
 * The mixtures of the blocks of two copies that a stored checksum fits (format.md section 6); of a single
 * copy, that copy as it lies. Each header is tried with its own tables, each stored checksum is a target.
 */
export function searchMixtures(places: Places, unit: Unit): MixtureResult {
  const results = headerOptions(places, unit).map((option) => mix(option, places, unit));
  return {
    fits: results.flatMap(({ fits }) => fits),
    covered: results.reduce((sum, { covered }) => sum + covered, 0n),
    limits: results.flatMap(({ limits }) => limits),
    open: results.flatMap(({ open }) => open),
    decided: results.flatMap(({ decided }) => decided),
    divisible: results.some(({ divisible }) => divisible),
  };
}

function mix(option: HeaderOption, places: Places, unit: Unit): MixtureResult {
  const [first] = option.sources;
  const live = first === undefined ? undefined : liveOf(option, first);
  if (first === undefined || live === undefined) return NONE;
  const { max_entries, entry_count } = option.header;
  const pieces = [...option.pieces, ...tablePieces(option, unit, places.deviceSize)];
  const open = pieces.filter(({ decision }) => decision === 'open');
  const tableCrc = pieces
    .filter(({ part, decision }) => part === 'table' && decision === 'second')
    .reduce((crc, piece) => crc ^ weightInTable(piece, live.length), first.crcOf(max_entries, entry_count));
  const sums = new SubsetSums(open.map((piece) => weight(piece, live.length)));
  const limits: string[] = [];
  const fits: Fit[] = [];
  for (const [missing, explains] of targetsOf(option, places, tableCrc >>> 0, live.length)) {
    const solutions = sums.solve(missing, LISTED);
    if (2 ** sums.nullity > LISTED && solutions.length > 0)
      limits.push(`2^${sums.nullity} of 2^${open.length} mixtures of ${unit}-byte blocks fit one checksum`);
    else
      for (const solution of solutions) {
        const taken = new Set(open.filter((_, index) => solution.has(index)));
        fits.push(fitOf({ option, unit, pieces, live, tableCrc }, taken, explains));
      }
  }
  return {
    fits,
    covered: 1n << BigInt(open.length),
    limits,
    open: open.filter(({ part }) => part === 'table'),
    decided: pieces.filter(({ part, decision }) => part === 'table' && decision !== 'open'),
    divisible: option.sources.length > 1,
  };
}

function liveOf({ header }: HeaderOption, place: Place): Uint8Array | undefined {
  return place.slots(header.max_entries, header.entry_count);
}

/** What the other version of a block changes in the CRC-32 of header and live entries. */
function weight(piece: Piece, length: number): number {
  if (piece.part === 'table') return weightInTable(piece, length);
  return shiftCrc(differenceOf(piece), HEADER_SIZE - piece.at - piece.versions[0].length + length);
}

/** What the other version of a block changes in the CRC-32 of the live entries. */
function weightInTable(piece: Piece, length: number): number {
  return shiftCrc(differenceOf(piece), length - piece.at - piece.versions[0].length);
}

function differenceOf({ versions: [one, other] }: Piece): number {
  return (extendCrc(0, one) ^ extendCrc(0, other)) >>> 0;
}

/** For each stored checksum, what the open blocks have to add up to; and whose checksum it is. */
function targetsOf(
  { block, header, sources }: HeaderOption,
  places: Places,
  tableCrc: number,
  length: number,
): Map<number, Place[]> {
  const targets = new Map<number, Place[]>();
  for (const place of isRedundant(header) ? places.all : sources) {
    if (!place.speaks) continue;
    const missing = (place.stored ^ checksumIn(place.name, block, tableCrc, length)) >>> 0;
    targets.set(missing, [...(targets.get(missing) ?? []), place]);
  }
  return targets;
}

interface Mixing {
  readonly option: HeaderOption;
  readonly unit: Unit;
  readonly pieces: readonly Piece[];
  /** The live entries of the first source, and the CRC-32 that they have once what is decided is put in. */
  readonly live: Uint8Array;
  readonly tableCrc: number;
}

/** @param taken the open pieces that come from the second source */
function fitOf(mixing: Mixing, taken: ReadonlySet<Piece>, explains: readonly Place[]): Fit {
  const { option, pieces, live } = mixing;
  const block = new Uint8Array(option.block);
  const table = new Uint8Array(live);
  let tableCrc = mixing.tableCrc;
  for (const piece of pieces) {
    const second = piece.decision === 'second' || taken.has(piece);
    (piece.part === 'header' ? block : table).set(piece.versions[second ? 1 : 0], piece.at);
    if (piece.part === 'table' && taken.has(piece)) tableCrc ^= weightInTable(piece, live.length);
  }
  const alone = explains.filter((place) => {
    const own = liveOf(option, place);
    return own !== undefined && Buffer.compare(place.normal, block) === 0 && Buffer.compare(own, table) === 0;
  });
  return makeFit({
    kind: alone.length > 0 ? 'put-right' : 'mixture',
    block,
    table,
    tableCrc: tableCrc >>> 0,
    explains,
    alone,
    changes: alone[0]?.repairs ?? blockChanges(mixing, taken),
  });
}

function blockChanges({ option, unit, pieces }: Mixing, taken: ReadonlySet<Piece>): BlockChange[] {
  const [first, second] = option.sources;
  const [giver] = option.givers;
  const changes: BlockChange[] = [];
  const add = (part: BlockChange['part'], at: Bytes, length: number, place: Place | undefined) => {
    const last = changes.at(-1);
    if (place === undefined) return;
    if (last?.part === part && last.taken === place.name && last.at + last.length === at)
      changes[changes.length - 1] = { ...last, length: last.length + length };
    else changes.push({ what: 'block', part, at, length, taken: place.name });
  };
  if (option.sources.some((source) => !option.givers.includes(source))) add('header', bytes(0), unit, giver);
  for (const piece of pieces) {
    const place = piece.decision === 'second' || taken.has(piece) ? second : first;
    add(piece.part, piece.at, piece.versions[0].length, place);
  }
  return changes;
}
