import { generationDistance } from '../format/generation.js';
import { HEADER, type Header, hasExtension, isRedundant, MAGIC, VERSION } from '../format/header.js';
import { differingFields } from '../layout/codec.js';
import { type Bytes, SECTOR_SIZE } from '../units.js';
import { type Copy, hasMagic, isSealed, isValid } from './copy.js';
import type { LoadedCopies } from './load.js';

/**
 * What a copy is beside the chosen one (format.md section 5).
 *
 * equal: whole and the same. stale: valid and older. damaged: not valid. superseded: an old backup that a
 * stale primary names although the backup in use lies elsewhere. foreign: valid, of another device or life.
 * left-over: a valid backup beside a plain primary. differs: of the chosen generation with another content.
 */
export type Standing =
  | 'chosen'
  | 'equal'
  | 'stale'
  | 'damaged'
  | 'superseded'
  | 'foreign'
  | 'left-over'
  | 'differs';

/** What in the bytes of a damaged copy forbids to overwrite it unattended. */
export type Claim = 'newer-generation' | 'other-set' | 'unreadable-header';

export interface Judged {
  readonly copy: Copy;
  readonly standing: Standing;
  readonly claims: readonly Claim[];
}

export interface Choice {
  /** The copy whose content is the metadata; undefined where none is valid or two contradict each other. */
  readonly chosen: Copy | undefined;
  readonly others: readonly Judged[];
  /** Copies under a right checksum whose version or incompat flags this program does not know. */
  readonly unsupported: readonly Copy[];
  /** Something here was a set: a magic, an extension, or a checksum that fits. */
  readonly evidence: boolean;
}

const MAGIC_BITS_FORGIVEN = 8;

/** Chooses the copy to trust by section 5. Pure: decides on what was read and on nothing else. */
export function chooseCopy(loaded: LoadedCopies): Choice {
  const copies = [loaded.primary, ...loaded.backups];
  const unsupported = copies.filter(isUnsupported);
  const evidence = copies.some(isEvidence);
  const judged =
    isValid(loaded.primary) && !isRedundant(loaded.primary.header)
      ? choosePlain(loaded)
      : chooseRedundant(loaded);
  return { ...judged, unsupported, evidence };
}

type Judgement = Pick<Choice, 'chosen' | 'others'>;

function choosePlain({ primary, backups }: LoadedCopies): Judgement {
  const others = backups.filter(isValid).map((copy): Judged => ({ copy, standing: 'left-over', claims: [] }));
  return { chosen: primary, others };
}

function chooseRedundant(loaded: LoadedCopies): Judgement {
  const { primary, backups } = loaded;
  const counted = backups.filter((copy) => isValid(copy) && counts(copy, primary));
  const foreign = backups.filter((copy) => isValid(copy) && !counted.includes(copy));
  const candidates = [primary, ...counted].filter(isValid);
  const newest = candidates.reduce<Copy | undefined>(
    (best, copy) =>
      best === undefined || generationDistance(best.header.generation, copy.header.generation) > 0
        ? copy
        : best,
    undefined,
  );
  const others: Judged[] = foreign.map((copy) => ({ copy, standing: 'foreign', claims: [] }));
  if (newest === undefined) {
    for (const copy of [primary, ...backups])
      if (!isValid(copy)) others.push({ copy, standing: 'damaged', claims: [] });
    return { chosen: undefined, others };
  }
  const expected = expectedBackup(newest);
  for (const copy of [primary, ...backups]) {
    if (copy === newest || foreign.includes(copy)) continue;
    const standing = standingBeside(newest, copy, expected, loaded);
    if (standing !== undefined)
      others.push({ copy, standing, claims: isValid(copy) ? [] : claimsOf(copy, newest) });
  }
  const contradicted = others.some(({ standing }) => standing === 'differs');
  if (contradicted) others.push({ copy: newest, standing: 'differs', claims: [] });
  return { chosen: contradicted ? undefined : newest, others };
}

/** The place of the backup that belongs to the chosen copy. */
function expectedBackup(chosen: Copy): Bytes | number {
  return chosen.name === 'backup' ? chosen.headerAt : Number(chosen.header.backup_header) * SECTOR_SIZE;
}

function standingBeside(
  chosen: Copy,
  copy: Copy,
  expected: number,
  loaded: LoadedCopies,
): Standing | undefined {
  const sameGeneration = isValid(copy) && copy.header.generation === chosen.header.generation;
  if (copy.name === 'primary' || copy.headerAt === expected) {
    if (!isValid(copy)) return 'damaged';
    if (!sameGeneration) return 'stale';
    return sameContent(chosen, copy) && loaded.sameTable(chosen, copy) ? 'equal' : 'differs';
  }
  // where nothing is expected, only what stands there can matter
  if (sameGeneration) return 'differs';
  // what a move would write over
  if (copy.place === 'end' && !isValid(copy) && claimsOf(copy, chosen).length > 0) return 'damaged';
  return chosen.name === 'backup' && copy.place === 'pointed' && hasMagic(copy) ? 'superseded' : undefined;
}

/** Whole copies of one generation of which none can be chosen, by their place. */
export function contradicting({ others }: Choice): Copy[] {
  const copies = others.filter(({ standing }) => standing === 'differs').map(({ copy }) => copy);
  return copies.sort((a, b) => a.headerAt - b.headerAt);
}

/** Between two copies of one generation all fields but checksum and copy are equal (section 2). */
function sameContent(a: Copy, b: Copy): boolean {
  return differingFields(HEADER, a.block, b.block).every(
    ({ name }) => name === 'checksum' || name === 'copy',
  );
}

/**
 * A backup counts if it names its own place and belongs to the primary, where that can be read. A damaged
 * primary without an extension has no identity but its creation time: a backup of another time is an older
 * life of the device, not its copy. One with an extension claims its identity by its uuids (claimsOf).
 */
function counts(backup: Copy, primary: Copy): boolean {
  if (!hasExtension(backup.header)) return false;
  if (Number(backup.header.backup_header) * SECTOR_SIZE !== backup.headerAt) return false;
  const sameTime = backup.header.creation_time === primary.header.creation_time;
  if (isValid(primary)) return sameTime && sameUuids(backup.header, primary.header);
  return sameTime || !hasMagic(primary) || hasExtension(primary.header);
}

function claimsOf(copy: Copy, chosen: Copy): Claim[] {
  const claims: Claim[] = [];
  // all that a copy could claim stands in its first sector
  if (copy.unreadable.some(({ at }) => at < copy.headerAt + SECTOR_SIZE && at >= copy.headerAt))
    claims.push('unreadable-header');
  if (!isEvidence(copy)) return claims;
  if (generationDistance(chosen.header.generation, copy.header.generation) > 1)
    claims.push('newer-generation');
  if (hasExtension(copy.header) && !sameUuids(copy.header, chosen.header)) claims.push('other-set');
  return claims;
}

function sameUuids(a: Header, b: Header): boolean {
  return a.set_uuid === b.set_uuid && a.spare_uuid === b.spare_uuid;
}

/** Also a copy that proves itself in a place where it does not belong: a newer tool may have moved things. */
function isUnsupported(copy: Copy): boolean {
  if (!isSealed(copy)) return false;
  return copy.header.version !== VERSION || (hasExtension(copy.header) && copy.header.incompat_flags !== 0);
}

/** A magic, an extension or a checksum that fits: something here was a set. */
export function isEvidence(copy: Copy): boolean {
  return hasMagic(copy) || hasExtension(copy.header) || copy.onlyMagicWrong || nearMagic(copy.header.magic);
}

function nearMagic(text: string): boolean {
  let different = 0;
  for (let index = 0; index < MAGIC.length; index++) {
    let bits = text.charCodeAt(index) ^ MAGIC.charCodeAt(index);
    for (; bits > 0; bits >>= 1) different += bits & 1;
  }
  return different <= MAGIC_BITS_FORGIVEN;
}
