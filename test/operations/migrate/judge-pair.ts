import { SECTOR, u32, u64 } from '../../support/format-numbers.js';
import { ahead, examine, hasExtension, type Place } from '../../support/reader-copies.js';
import { entriesOf, isRedundant } from '../../support/reader-rules.js';

/**
 * The table of format.md section 8, read once more from the text: which of two devices is the active spare.
 * Nothing of src/ is used.
 */

export interface Spare {
  readonly role: number;
  readonly uuid: string;
  readonly peer: string;
  readonly generation: number;
  readonly peerGeneration: number;
  readonly isCopied: boolean;
  /** What the entries say that main holds: sector of main, and the bytes. */
  readonly data: ReadonlyMap<number, string>;
  /** Where these lie on this spare. */
  readonly places: ReadonlyMap<number, number>;
}

/** The spare on a device, by its newest valid copy; undefined where none is valid. */
export function spareOn(image: Buffer): Spare | undefined {
  const { primary, backups } = examine(image);
  const plain = primary.kind === 'valid' && !isRedundant(primary.header);
  const copies = (plain ? [primary] : [primary, ...backups]).filter(({ kind }) => kind === 'valid');
  const newest = copies.reduce<Place | undefined>(
    (best, one) => (best === undefined || ahead(generation(one), generation(best)) > 0 ? one : best),
    undefined,
  );
  return newest === undefined ? undefined : told(newest, image);
}

function generation({ header }: Place): number {
  return u32(header, 'generation');
}

function told({ header, live }: Place, image: Buffer): Spare {
  const entries = entriesOf(live).filter(({ main }) => main !== 2n ** 64n - 1n);
  const data = entries.map(({ main, spare }): [number, string] => {
    const at = Number(spare) * SECTOR;
    return [Number(main), image.toString('latin1', at, at + SECTOR)];
  });
  const isExtended = hasExtension(header);
  const uuid = (from: number) => (isExtended ? header.toString('hex', from, from + 16) : '');
  return {
    role: isExtended ? u32(header, 'role') : 0,
    uuid: uuid(208),
    peer: uuid(224),
    generation: u32(header, 'generation'),
    peerGeneration: u32(header, 'peer_generation'),
    isCopied: u64(header, 'migration_cursor') === BigInt(u32(header, 'entry_count')),
    data: new Map(data),
    places: new Map(entries.map(({ main, spare }) => [Number(main), Number(spare)])),
  };
}

/** Which of two devices is active; a text where none is, or both. */
export function activeOf(one: Spare | undefined, other: Spare | undefined): 0 | 1 | string {
  if (one === undefined && other === undefined) return 'there is no spare at all';
  if (other === undefined) return one?.role === 0 ? 0 : `the first has role ${one?.role} and is alone`;
  if (one === undefined) return other.role === 0 ? 1 : `the second has role ${other.role} and is alone`;
  if (one.uuid === other.uuid) return 'they are clones';
  if (one.role === 0 && other.role === 0) {
    const [older, newer] = ahead(one.generation, other.generation) > 0 ? [other, one] : [one, other];
    return newer.peer === older.uuid ? (newer === one ? 0 : 1) : 'both are active';
  }
  for (const [x, y, which] of [
    [one, other, 0],
    [other, one, 1],
  ] as const) {
    const isNamed = y.role === 2 && y.peer === x.uuid;
    if (x.role === 0 && y.role === 1) return which;
    if (x.role === 0 && isNamed) return which;
    const isNext = y.generation === (x.peerGeneration === 0xffffffff ? 1 : x.peerGeneration + 1);
    if (x.role === 1 && isNamed && x.peer === y.uuid && x.isCopied && isNext) return which;
  }
  return `roles ${one.role} and ${other.role}, and none is active`;
}
