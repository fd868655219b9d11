import { decodeHeader, HEADER_SIZE, type Header, isRedundant } from '../../format/header.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../../units.js';
import { type Difference, decide, type Piece } from './piece.js';
import type { Place } from './place.js';
import type { Places } from './places.js';
import { headerObeys, loneCopy } from './rules.js';

/** A header that a mixture may have, and where its tables lie. */
export interface HeaderOption {
  /** In normal form; with what was decided, and where a piece is open, the version of the first source. */
  readonly block: Uint8Array;
  readonly header: Header;
  /** The places that have this header; in sectors, this first sector. */
  readonly givers: readonly Place[];
  /** The places from which tables come: one or two. */
  readonly sources: readonly Place[];
  /** Sectors of the header, behind the first, that the sources hold differently. */
  readonly pieces: readonly Piece[];
}

/** The unit in which blocks are mixed, in bytes. */
export type Unit = 4096 | 512;

/**
 * The headers that a mixture may have: those of all places, each once. In units of a sector the first one,
 * where all that a commit changes lies, is that of a place, and the others, which are reserved, are pieces.
 * Where one header obeys the rules, those that do not are left out.
 */
export function headerOptions(places: Places, unit: Unit): HeaderOption[] {
  const options: HeaderOption[] = [];
  for (const place of places.all) {
    const option = place.speaks ? optionOf(place, places, unit) : undefined;
    if (option === undefined) continue;
    const same = options.findIndex(({ block }) => Buffer.compare(block, option.block) === 0);
    const known = options[same];
    if (known === undefined) options.push(option);
    else options[same] = { ...known, givers: [...known.givers, place] };
  }
  const sound = options.filter(
    ({ block, givers: [giver] }) =>
      giver !== undefined && headerObeys(loneCopy(block, giver), places.deviceSize),
  );
  return sound.length > 0 ? sound : options;
}

function optionOf(place: Place, places: Places, unit: Unit): HeaderOption | undefined {
  const { max_entries, entry_count } = place.header;
  if (entry_count > max_entries) return undefined;
  const sources = sourcesOf(place, places).filter(
    (source) => source.slots(max_entries, entry_count) !== undefined,
  );
  if (sources.length === 0) return undefined;
  const pieces = unit === SECTOR_SIZE ? reservedPieces(sources) : [];
  const block = new Uint8Array(place.normal);
  for (const { at, versions, decision } of pieces) block.set(versions[decision === 'second' ? 1 : 0], at);
  return {
    block,
    header: pieces.length > 0 ? decodeHeader(block) : place.header,
    givers: [place],
    sources,
    pieces,
  };
}

/** The places whose tables belong to a header: where it is redundant, the primary and the backup it names. */
function sourcesOf(place: Place, { primary, backups }: Places): Place[] {
  if (!isRedundant(place.header)) return place === primary ? [primary] : [];
  const named = backups.find(
    ({ headerAt }) => BigInt(headerAt) === place.header.backup_header * BigInt(SECTOR_SIZE),
  );
  const backup = named ?? (place === primary ? backups[0] : place);
  return backup === undefined ? [primary] : [primary, backup];
}

/** A reserved sector obeys the rules where it is zero. */
function reservedPieces([first, second]: readonly Place[]): Piece[] {
  const pieces: Piece[] = [];
  if (first === undefined || second === undefined) return pieces;
  for (let from = SECTOR_SIZE; from < HEADER_SIZE; from += SECTOR_SIZE) {
    const at = bytes(from);
    const versions = [sectorOf(first, at), sectorOf(second, at)] as const;
    if (Buffer.compare(...versions) === 0) continue;
    const difference: Difference = { part: 'header', at, versions };
    pieces.push({
      ...difference,
      decision: decide(isSound(first, versions[0], at), isSound(second, versions[1], at)),
    });
  }
  return pieces;
}

function sectorOf(place: Place, at: Bytes): Uint8Array {
  return place.normal.subarray(at, at + SECTOR_SIZE);
}

function isSound(place: Place, version: Uint8Array, at: Bytes): boolean {
  return place.isReadable(bytes(place.headerAt + at), SECTOR_SIZE) && version.every((byte) => byte === 0);
}
