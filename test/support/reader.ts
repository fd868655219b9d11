import { ENTRY_LENGTH, HEADER_LENGTH, SECTOR, u32, u64 } from './format-numbers.js';
import {
  ahead,
  examine,
  hasExtension,
  hasMagic,
  isEvidence,
  type Place,
  type Places,
  sameContent,
} from './reader-copies.js';
import { foreignAtEnd, foreignAtFront, isModuleImage } from './reader-foreign.js';
import { entriesOf, type Finding, isMove, isRedundant, judgeCopy, judgeGrowth } from './reader-rules.js';

/**
 * A second reading of format.md: what `check` has to answer about the image of one device that nobody is
 * using. Reconstruction (section 6) is not in it; where no copy is valid, -y answers 4.
 */
export interface Verdict {
  /** Exit codes of check -n, -p and -y. */
  readonly n: number;
  readonly p: number;
  readonly y: number;
  /** The live entries, ascending by main sector, that must be there afterwards; null if it cannot be said. */
  readonly truth: readonly (readonly [main: number, spare: number])[] | null;
  /** Of the set that has them. */
  readonly shape: { readonly redundant: boolean; readonly maxEntries: number } | null;
  readonly why: readonly string[];
  /** A copy was chosen. */
  readonly dumpable: boolean;
}

export interface JudgeOptions {
  /** Size of main, if the reader is given one. */
  readonly mainSectors?: number;
}

export function judge(image: Buffer, options: JudgeOptions = {}): Verdict {
  if (image.length < 4096 || image.length % SECTOR !== 0) return without(8, ['no device of ours: its size']);
  const places = examine(image);
  const { primary, backups } = places;
  if ([primary, ...backups].some((place) => place.kind === 'unsupported' && !isData(primary, place)))
    return without(8, ['a version or flag from the future']);
  if (primary.kind !== 'valid' && isModuleImage(image)) return ofModule(image);

  const plain = primary.kind === 'valid' && !isRedundant(primary.header);
  const candidates = plain ? [primary] : [primary, ...backups.filter((place) => counts(place, primary))];
  const valid = candidates.filter((place) => place.kind === 'valid');
  const chosen = valid.reduce<Place | undefined>(newer, undefined);
  if (chosen === undefined) {
    const evidence = [primary, ...backups].some((place) => isEvidence(image, place));
    return without(evidence ? 4 : 8, [evidence ? 'no valid copy' : 'not DMREMAP3']);
  }
  const rivals = valid.filter((place) => generationOf(place) === generationOf(chosen));
  if (rivals.some((place) => !sameContent(place, chosen)))
    return without(4, ['two copies of one generation that differ']);

  const findings = [
    ...(plain ? leftOver(places) : otherCopies(image, places, chosen)),
    ...judgeCopy(chosen, image.length / SECTOR),
  ];
  const growth = judgeGrowth(image, chosen);
  if (growth !== undefined) findings.push(growth);
  return conclude(chosen, findings, options);
}

function without(code: number, why: readonly string[]): Verdict {
  return { n: code, p: code, y: code, truth: null, shape: null, why, dumpable: false };
}

/** What the kernel module reads is judged as a plain set is, and never written. */
function ofModule(image: Buffer): Verdict {
  const header = image.subarray(0, HEADER_LENGTH);
  const count = u32(header, 'entry_count');
  const live = image.subarray(HEADER_LENGTH, HEADER_LENGTH + count * ENTRY_LENGTH);
  const place: Place = { at: 0, header, kind: 'valid', live };
  const entries = entriesOf(live);
  const findings = judgeCopy(place, image.length / SECTOR).map(({ why }) => why);
  const first = entries[0]?.spare ?? 0n;
  if (entries.some(({ spare }, slot) => spare !== first + BigInt(slot))) findings.push('a gap');
  const code = findings.length === 0 ? 0 : 4;
  const shape = { redundant: false, maxEntries: u32(header, 'max_entries') };
  return { n: code, p: code, y: code, truth: truthOf(place), shape, why: findings, dumpable: true };
}

function generationOf(place: Place): number {
  return u32(place.header, 'generation');
}

function newer(best: Place | undefined, place: Place): Place {
  return best === undefined || ahead(generationOf(place), generationOf(best)) > 0 ? place : best;
}

/** A sector of the plain data area that a live entry fills is data, whatever it looks like. */
function isData(primary: Place, place: Place): boolean {
  if (primary.kind !== 'valid' || isRedundant(primary.header)) return false;
  return isLive(primary, place.at / SECTOR);
}

function isLive({ live }: Place, sector: number): boolean {
  return entriesOf(live).some((entry) => entry.main !== 2n ** 64n - 1n && entry.spare === BigInt(sector));
}

/** Whether a valid backup belongs to this set, this life of it, and this place. */
function counts(place: Place, primary: Place): boolean {
  if (place.kind !== 'valid' || !hasExtension(place.header)) return false;
  if (u64(place.header, 'backup_header') * BigInt(SECTOR) !== BigInt(place.at)) return false;
  if (primary.kind === 'valid') return sameUuids(place, primary) && sameCreation(place, primary);
  // A plain set in its later life: all that a damaged primary without an extension says of whose it is.
  const plain = hasMagic(primary.header) && !hasExtension(primary.header);
  return !plain || sameCreation(place, primary);
}

function sameUuids(one: Place, other: Place): boolean {
  return one.header.subarray(192, 224).equals(other.header.subarray(192, 224));
}

function sameCreation(one: Place, other: Place): boolean {
  return u64(one.header, 'creation_time') === u64(other.header, 'creation_time');
}

/** A backup at the end of a plain set: of a conversion cut short, or of an older life. */
function leftOver({ primary, backups, end }: Places): Finding[] {
  const found = backups.find((place) => place.at === end);
  if (found === undefined || found.kind !== 'valid' || isData(primary, found)) return [];
  const ours =
    sameCreation(found, primary) &&
    u64(found.header, 'main_device_size') === u64(primary.header, 'main_device_size');
  return [{ why: 'a backup is left over', fix: ours ? 'unattended' : 'y' }];
}

/** Everything in a redundant set that is not the chosen copy. */
function otherCopies(image: Buffer, places: Places, chosen: Place): Finding[] {
  const { primary, backups, end } = places;
  const findings: Finding[] = [];
  const waits = (why: string) => findings.push({ why, fix: 'nothing' });
  const live = (sector: number) => isLive(chosen, sector);

  for (const place of [primary, ...backups]) {
    if (place === chosen) continue;
    if (place.kind === 'valid' && place !== primary && !counts(place, primary))
      waits(`a foreign backup at ${place.at}`);
    const claim = place.kind === 'invalid' ? claimOf(image, place, chosen) : undefined;
    if (claim !== undefined) waits(claim);
  }

  const ownBackup = chosen === primary ? Number(u64(chosen.header, 'backup_header')) * SECTOR : chosen.at;
  const backup = backups.find((place) => place.at === ownBackup);
  if (primary.kind === 'invalid') {
    const foreign = foreignAtFront(image, live);
    if (foreign !== undefined) waits(`${foreign} where the primary was`);
  }
  const endIsWritten = isMove(image, chosen) || (backup?.kind === 'invalid' && ownBackup === end);
  const foreign = endIsWritten ? foreignAtEnd(image, live) : undefined;
  if (foreign !== undefined) waits(`${foreign} at the end`);

  // Behind the chosen copy: the other one of the pair, or what a move has not erased yet.
  if (primary !== chosen && generationOf(primary) !== generationOf(chosen))
    findings.push({ why: 'the primary is stale', fix: 'copy' });
  else if (primary.kind === 'invalid') findings.push({ why: 'the primary is damaged', fix: 'copy' });
  for (const place of backups) {
    if (place === chosen || (place !== backup && chosen.at !== end)) continue;
    if (place.kind === 'valid' && generationOf(place) !== generationOf(chosen))
      findings.push({ why: `the backup at ${place.at} is stale`, fix: 'copy' });
    if (place.kind === 'invalid' && place === backup)
      findings.push({ why: 'the backup is damaged', fix: 'copy' });
  }
  return findings;
}

/** What an invalid copy says about itself that forbids to overwrite it unasked. */
function claimOf(image: Buffer, place: Place, chosen: Place): string | undefined {
  if (!isEvidence(image, place)) return undefined;
  if (ahead(generationOf(place), generationOf(chosen)) > 1) return `a damaged copy claims to be newer`;
  if (hasExtension(place.header) && !sameUuids(place, chosen)) return 'a damaged copy claims another uuid';
  return undefined;
}

/** The exit codes that follow from what was found. */
function conclude(chosen: Place, findings: readonly Finding[], options: JudgeOptions): Verdict {
  const extended = hasExtension(chosen.header);
  const role = extended ? u32(chosen.header, 'role') : 0;
  if (role > 2) return without(8, [`role ${role}`]);
  const mainSize = u64(chosen.header, 'main_device_size');
  if (options.mainSectors !== undefined && mainSize !== BigInt(options.mainSectors))
    return { ...without(8, ['another main']), dumpable: true };

  const readOnly = extended && (u32(chosen.header, 'ro_compat_flags') & ~1) !== 0;
  const within = (...fixes: Finding['fix'][]) =>
    !readOnly && findings.every((finding) => fixes.includes(finding.fix));
  const clean = findings.length === 0;
  const mended = (...more: Finding['fix'][]) => {
    if (role === 0) return clean ? 0 : within('copy', ...more) ? 1 : 4;
    const whole = !clean && within('copy');
    if (role === 1) return whole ? 5 : 4;
    return clean ? 0 : whole ? 1 : 4;
  };
  const y = mended('unattended', 'y');
  const isOpen = y === 4 && findings.some((finding) => finding.fix === 'nothing');
  return {
    n: clean && role !== 1 ? 0 : 4,
    p: mended('unattended'),
    y,
    truth: isOpen ? null : truthOf(chosen),
    shape: isOpen
      ? null
      : { redundant: isRedundant(chosen.header), maxEntries: u32(chosen.header, 'max_entries') },
    why: findings.map((finding) => finding.why),
    dumpable: true,
  };
}

function truthOf(chosen: Place): (readonly [number, number])[] {
  return entriesOf(chosen.live)
    .filter((entry) => entry.main !== 2n ** 64n - 1n)
    .map((entry) => [Number(entry.main), Number(entry.spare)] as const)
    .sort((one, other) => one[0] - other[0]);
}
