import { fieldNamed } from '../layout/layout.js';
import { checksumOf } from './checksum.js';
import { multiply, POLYNOMIAL, powerOfX } from './crc-algebra.js';
import { ENTRY_SIZE, RemapTable } from './entry.js';

import {
  decodeHeader,
  EXTENSION,
  encodeHeader,
  HEADER,
  HEADER_SIZE,
  type Header,
  MAGIC,
  STATE,
  VERSION,
} from './header.js';
import { asItLies, isConsistent, MODULE_CAPACITY, MODULE_METADATA_SIZE } from './module.js';
import { firstMainsAfter, previousChecksum, verifiesAfter } from './module-proof.js';

/** Tells by evidence whether the kernel module wrote the front of a spare (format.md section 7). */

/**
 * accepted: its checksum is the one that the module accepts. written: the module wrote it, and cannot read it back.
 * bare: the same on a spare that never held a header.
 */
export type ModuleForm = 'accepted' | 'written' | 'bare';

export interface ModuleEvidence {
  readonly form: ModuleForm;
  /** certain: the module's own checksum fits. likely: no checksum can tell, other traits do. */
  readonly certainty: 'certain' | 'likely';
  /** The evidence, for people. */
  readonly says: string;
}

/**
 * Tells whether the front of a spare was written or accepted by the kernel module. A header without a magic is
 * none of its by itself: `recogniseBare`.
 *
 * @param front the first MODULE_METADATA_SIZE bytes of the spare, whose checksum by section 3 does not fit
 * @param told somebody says that it is the module's: its shape is enough then
 */
export function recogniseModule(front: Uint8Array, told = false): ModuleEvidence | undefined {
  const header = decodeHeader(front);
  if (!hasModuleShape(front, header)) return undefined;
  const summed = asItLies(front, header.entry_count);
  if (isConsistent(summed))
    return {
      form: 'accepted',
      certainty: 'certain',
      says: 'its checksum is the self-consistent one that the module accepts',
    };
  if (isOursDamaged(front, header, summed.table)) return undefined;
  const entries = new RemapTable(summed.table);
  if (!runsOn(entries)) return undefined;
  const traits = provenTrait(front, header, entries) ?? traitsOf(header, entries);
  if (traits !== undefined) return { form: 'written', ...traits };
  if (!told) return undefined;
  return { form: 'written', certainty: 'likely', says: 'its capacity is 252 and no checksum of ours fits' };
}

/** All that the module writes into the header of a spare that never held one. */
const BARE_FIELDS = ['checksum', 'last_update_time', 'entry_count', 'state', 'generation'] as const;

/**
 * What the module leaves on a spare that never held a header: no magic, no version and no sizes. So little tells
 * of it that it is a guess about any other device: to be asked where somebody has said that this was a spare, or
 * before something is written over it.
 *
 * @param front the first MODULE_METADATA_SIZE bytes of the spare, or more
 */
export function recogniseBare(front: Uint8Array): ModuleEvidence | undefined {
  if (front.length < MODULE_METADATA_SIZE) return undefined;
  const { checksum, last_update_time, entry_count, state, generation } = decodeHeader(front);
  const written =
    checksum !== 0 &&
    last_update_time !== 0n &&
    generation !== 0 &&
    state <= STATE.error &&
    entry_count > 0 &&
    entry_count <= MODULE_CAPACITY;
  if (!written) return undefined;
  const rest = front.slice(0, HEADER_SIZE);
  for (const name of BARE_FIELDS) {
    const { offset, size } = fieldNamed(HEADER, name);
    rest.fill(0, offset, offset + size);
  }
  if (rest.some((byte) => byte !== 0)) return undefined;
  const entries = entry_count === 1 ? '1 entry' : `${entry_count} entries`;
  return {
    form: 'bare',
    certainty: 'likely',
    says: `no magic, no version and no sizes, only a count of ${entries}, as it leaves a spare that never held a header`,
  };
}

/** A slot that no remap uses: the module writes such slots as 0 → 0, and sector 0 of the spare holds its header. */
export function isFiller(table: RemapTable, index: number): boolean {
  return table.spareSector(index) === 0;
}

/** One flipped bit, another entry_count, state or lifetime count makes our own checksum right. */
function isOursDamaged(front: Uint8Array, header: Header, table: Uint8Array): boolean {
  const syndrome = (header.checksum ^ checksumOf(front, table)) >>> 0;
  if ((syndrome & (syndrome - 1)) === 0) return true;
  // what a flipped bit does to the checksum, from the last bit to the first
  let effect = POLYNOMIAL;
  for (let bit = 8 * (HEADER_SIZE + table.length); bit > 0; bit--) {
    if (effect === syndrome) return true;
    effect = (effect & 1 ? (effect >>> 1) ^ POLYNOMIAL : effect >>> 1) >>> 0;
  }
  const fits = (changes: Partial<Header>, live = table) =>
    checksumOf(encodeHeader(changes, front), live) === header.checksum;
  for (const state of Object.values(STATE)) if (fits({ state })) return true;
  for (let count = 0; count <= MODULE_CAPACITY; count++)
    if (fits({ entry_count: count }, front.subarray(HEADER_SIZE, HEADER_SIZE + count * ENTRY_SIZE)))
      return true;
  return isLifetimeDamaged(front, header, table);
}

/** Lifetime counts this far beyond the entries are believed: a count that fits by chance is seldom among so few. */
const BELIEVED_REMAPS = 1024;

/** Our checksum fits with a lifetime count as a set of ours would have it. */
function isLifetimeDamaged(front: Uint8Array, header: Header, table: Uint8Array): boolean {
  const { offset } = fieldNamed(HEADER, 'total_remaps_created');
  const without = checksumOf(encodeHeader({ total_remaps_created: 0n }, front), table);
  const behind = HEADER_SIZE + table.length - offset;
  const total = multiply((header.checksum ^ without) >>> 0, powerOfX(-8 * behind));
  return total >= header.entry_count && total <= header.entry_count + BELIEVED_REMAPS;
}

/** The module hands out spare sectors in a row; what it did not use is filled up. */
function runsOn(table: RemapTable): boolean {
  let next: number | undefined;
  for (let index = 0; index < table.count; index++) {
    if (isFiller(table, index)) continue;
    const spare = table.spareSector(index);
    if (next !== undefined && spare !== next) return false;
    next = spare + 1;
  }
  return true;
}

function hasModuleShape(front: Uint8Array, header: Header): boolean {
  const extension = front.subarray(EXTENSION.offset, EXTENSION.offset + EXTENSION.size);
  return (
    front.length >= MODULE_METADATA_SIZE &&
    header.magic === MAGIC &&
    header.version === VERSION &&
    header.max_entries === MODULE_CAPACITY &&
    header.entry_count <= MODULE_CAPACITY &&
    extension.every((byte) => byte === 0)
  );
}

type Traits = Pick<ModuleEvidence, 'certainty' | 'says'>;

/**
 * That the checksum is the one of a fresh header. An answer comes out of any checksum: it means something only
 * where the rest looks as the module leaves it, with the zero tail of its header over entry 0's main sector and a
 * lifetime count that stands still.
 */
function provenTrait(front: Uint8Array, header: Header, table: RemapTable): Traits | undefined {
  const previous = previousChecksum(front);
  if (previous === undefined) return undefined;
  const summed = { block: front.subarray(0, HEADER_SIZE), table: table.bytes };
  const says = 'its checksum is the one that the module wrote over a fresh header';
  if (verifiesAfter(previous, summed)) return { certainty: 'certain', says };
  const standsStill = header.total_remaps_created < BigInt(table.count);
  if (!standsStill || table.exactMainSector(0) !== 0n) return undefined;
  const [main, other] = firstMainsAfter(previous, summed, Number(header.main_device_size));
  if (main === undefined || other !== undefined) return undefined;
  return { certainty: 'certain', says: `${says}, with entry 0 at main sector ${main}` };
}

/** One spare sector alone does not run on. */
const LEAST_RUN = 2;

/**
 * What the module does and we never do: state 2, or a lifetime count that stands still. A set of ours may well
 * have its spare sectors in a row, and main sector 0 in entry 0: neither tells by itself.
 */
function traitsOf(header: Header, table: RemapTable): Traits | undefined {
  if (table.count < LEAST_RUN) return undefined;
  const traits: string[] = [];
  if (header.state === STATE.writing) traits.push('its state is 2 (writing)');
  if (header.total_remaps_created < BigInt(header.entry_count))
    traits.push(
      `total_remaps_created ${header.total_remaps_created} is less than its ${header.entry_count} entries`,
    );
  if (traits.length === 0) return undefined;
  if (table.mainSector(0) === 0) traits.push('entry 0 has lost its main sector');
  return {
    certainty: 'likely',
    says: ['the spare sectors of its entries run on without a gap', ...traits].join(', '),
  };
}
