import { type Bytes, bytes } from '../../units.js';
import { CertainSectors } from './certain-sectors.js';
import type { HeaderOption, Unit } from './header-options.js';
import { type Difference, decide, type Piece } from './piece.js';
import { entriesObey, loneCopy } from './rules.js';

/**
 * Compares the live entries of two tables block by block. A version of a block that could not be read, or
 * whose entries break a rule, is not sound: within itself, or against the blocks in which the copies agree.
 */
export function tablePieces(option: HeaderOption, unit: Unit, deviceSize: Bytes): Piece[] {
  const { max_entries, entry_count } = option.header;
  const [first, second] = option.sources;
  const one = first?.slots(max_entries, entry_count);
  const other = second?.slots(max_entries, entry_count);
  if (first === undefined || second === undefined || one === undefined || other === undefined) return [];
  const found: Difference[] = [];
  for (let at = 0; at < one.length; at += unit) {
    const versions = [one.subarray(at, at + unit), other.subarray(at, at + unit)] as const;
    if (Buffer.compare(...versions) !== 0) found.push({ part: 'table', at: bytes(at), versions });
  }
  if (found.length === 0) return [];
  const judged = loneCopy(option.block, first);
  const sound = [first, second].map((place, version) => {
    const start = place.tableAt(max_entries) ?? 0;
    return found.map(({ at, versions }) => {
      const entries = versions[version] ?? new Uint8Array(0);
      return place.isReadable(bytes(start + at), entries.length) && entriesObey(judged, entries, deviceSize);
    });
  });
  const certain = new CertainSectors(one, found, unit);
  return found.map((difference, index) => {
    const [firstIsSound = false, secondIsSound = false] = difference.versions.map(
      (entries, version) => sound[version]?.[index] === true && !certain.clashWith(entries),
    );
    return { ...difference, decision: decide(firstIsSound, secondIsSound) };
  });
}
