import { fieldNamed } from '../layout/layout.js';
import { checksumOf, extendCrc } from './checksum.js';
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

/** What the dm-remap v3 kernel module itself writes, format.md section 7. */

/** Its capacity; it refuses a larger count. */
export const MODULE_CAPACITY = 252;

/** Bytes of a spare in which its header and table lie. */
export const MODULE_METADATA_SIZE = HEADER_SIZE + MODULE_CAPACITY * ENTRY_SIZE;

/** Its header struct is 8 bytes longer than the header and reaches into entry 0. */
const TAIL_SIZE = 8;

/** The first byte that its checksum covers. */
const SUMMED_FROM = 4;

const CHECKSUM = fieldNamed(HEADER, 'checksum');
const STATE_FIELD = fieldNamed(HEADER, 'state');

export interface ModuleEvidence {
  /** certain: the module's own checksum fits. likely: no checksum can tell, other traits do. */
  readonly certainty: 'certain' | 'likely';
  readonly says: string;
}

/** The module's CRC: register 0 at first, no final inversion. */
function moduleCrc(...parts: readonly Uint8Array[]): number {
  return (parts.reduce((crc, part) => extendCrc(crc, part), 0xffffffff) ^ 0xffffffff) >>> 0;
}

/**
 * Tells whether the front of a spare was written or accepted by the kernel module.
 *
 * @param front the first MODULE_METADATA_SIZE bytes of the spare, whose checksum by section 3 does not fit
 */
export function recogniseModule(front: Uint8Array): ModuleEvidence | undefined {
  const header = decodeHeader(front);
  if (!hasModuleShape(front, header)) return undefined;
  const table = front.subarray(HEADER_SIZE, HEADER_SIZE + header.entry_count * ENTRY_SIZE);
  const tail = front.subarray(HEADER_SIZE, HEADER_SIZE + TAIL_SIZE);
  if (moduleCrc(front.subarray(SUMMED_FROM, HEADER_SIZE), tail, table) === header.checksum)
    return { certainty: 'certain', says: 'its checksum is the self-consistent one that the module accepts' };
  if (isOursDamaged(front, header, table)) return undefined;
  const entries = new RemapTable(table);
  if (!runsOn(entries)) return undefined;
  const solved = solveFirstMain(front, header, entries);
  if (solved !== undefined)
    return {
      certainty: 'certain',
      says: `its checksum is the one that the module wrote over a fresh header, with entry 0 at main sector ${solved}`,
    };
  const traits = traitsOf(header, entries);
  return traits === undefined ? undefined : { certainty: 'likely', says: traits };
}

/** All that the module writes into the header of a spare that never held one. */
const BARE_FIELDS = ['checksum', 'last_update_time', 'entry_count', 'state', 'generation'] as const;

/**
 * How many remaps the module left on a spare that never held a header: it writes no magic, no version and no
 * sizes there. Undefined where the front of the spare looks otherwise.
 *
 * @param front the first MODULE_METADATA_SIZE bytes of the spare, or more
 */
export function bareModuleEntries(front: Uint8Array): number | undefined {
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
  return rest.every((byte) => byte === 0) ? entry_count : undefined;
}

/** One flipped bit, or another entry_count, makes our own checksum right: a plain image that is damaged. */
function isOursDamaged(front: Uint8Array, header: Header, table: Uint8Array): boolean {
  const syndrome = (header.checksum ^ checksumOf(front, table)) >>> 0;
  if ((syndrome & (syndrome - 1)) === 0) return true;
  // what a flipped bit does to the checksum, from the last bit to the first
  let effect = POLYNOMIAL;
  for (let bit = 8 * (HEADER_SIZE + table.length); bit > 0; bit--) {
    if (effect === syndrome) return true;
    effect = (effect & 1 ? (effect >>> 1) ^ POLYNOMIAL : effect >>> 1) >>> 0;
  }
  for (let count = 0; count <= MODULE_CAPACITY; count++) {
    const live = front.subarray(HEADER_SIZE, HEADER_SIZE + count * ENTRY_SIZE);
    if (checksumOf(encodeHeader({ entry_count: count }, front), live) === header.checksum) return true;
  }
  return false;
}

/** The module hands out spare sectors in a row. */
function runsOn(table: RemapTable): boolean {
  for (let index = 1; index < table.count; index++)
    if (table.spareSector(index) !== table.spareSector(0) + index) return false;
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

/**
 * The main sector that entry 0 had when the checksum was made, if the header before it was a fresh one. An
 * answer comes out of any checksum: it means something only where the rest looks as the module leaves it, with
 * the zero tail of its header over entry 0's main sector and a lifetime count that stands still.
 */
function solveFirstMain(front: Uint8Array, header: Header, table: RemapTable): number | undefined {
  if (header.generation !== 1 || table.count === 0 || table.exactMainSector(0) !== 0n) return undefined;
  if (header.total_remaps_created >= BigInt(table.count)) return undefined;
  const summed = encodeHeader({ checksum: freshChecksum(front, header), state: STATE.writing }, front);
  const tail = new Uint8Array(TAIL_SIZE);
  const missing = header.checksum ^ moduleCrc(summed.subarray(SUMMED_FROM), tail, table.bytes);
  // the low word of entry 0, followed by the rest of the table, was multiplied by this power of x
  const main = multiply(missing >>> 0, powerOfX(-(32 + 8 * (table.bytes.length - 4))));
  return BigInt(main) < header.main_device_size ? main : undefined;
}

/** The checksum of the header as the module first made it, before any remap. */
function freshChecksum(front: Uint8Array, header: Header): number {
  const fresh = encodeHeader(
    { last_update_time: header.creation_time, entry_count: 0, generation: 0, total_remaps_created: 0n },
    front,
  );
  fresh.fill(0, CHECKSUM.offset, CHECKSUM.offset + CHECKSUM.size);
  fresh.fill(0, STATE_FIELD.offset, STATE_FIELD.offset + STATE_FIELD.size);
  return moduleCrc(fresh.subarray(SUMMED_FROM), new Uint8Array(TAIL_SIZE));
}

/**
 * What the module does and we never do: state 2, or a lifetime count that stands still. A set of ours may well
 * have its spare sectors in a row, and main sector 0 in entry 0: neither tells by itself.
 */
function traitsOf(header: Header, table: RemapTable): string | undefined {
  if (table.count < 2) return undefined;
  const traits: string[] = [];
  if (header.state === STATE.writing) traits.push('its state is 2 (writing)');
  if (header.total_remaps_created < BigInt(header.entry_count))
    traits.push(
      `total_remaps_created ${header.total_remaps_created} is less than its ${header.entry_count} entries`,
    );
  if (traits.length === 0) return undefined;
  if (table.mainSector(0) === 0) traits.push('entry 0 has lost its main sector');
  return ['the spare sectors of its entries run on without a gap', ...traits].join(', ');
}
