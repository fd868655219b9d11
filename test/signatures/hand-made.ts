/** Signatures for which no tool is at hand here, written field by field from the descriptions of their formats. */

export interface Piece {
  readonly at: number;
  readonly content: Uint8Array;
}

type Field = readonly [at: number, value: number | bigint | string | Uint8Array, width?: number];

/** Bytes with fields put in; numbers in the given byte order and width (4 unless told). */
export function structure(length: number, fields: readonly Field[], little = true): Uint8Array {
  const content = new Uint8Array(length);
  const view = new DataView(content.buffer);
  for (const [at, value, width = 4] of fields) {
    if (typeof value === 'bigint') view.setBigUint64(at, value, little);
    else if (typeof value === 'string') content.set(new TextEncoder().encode(value), at);
    else if (typeof value !== 'number') content.set(value, at);
    else if (width === 1) view.setUint8(at, value);
    else if (width === 2) view.setUint16(at, value, little);
    else view.setUint32(at, value, little);
  }
  return content;
}

/** An md superblock of version 1.x for a RAID1 of two, at this byte offset, with its checksum. */
export function md1(at: number, dataOffset: number): Piece {
  const content = structure(260, [
    [0, 0xa92b4efc],
    [4, 1],
    [16, '0123456789abcdef'],
    [32, 'host:test'],
    [64, 1_700_000_000n],
    [72, 1],
    [80, 4096n],
    [92, 2],
    [128, BigInt(dataOffset)],
    [136, 4096n],
    [144, BigInt(at / 512)],
    [168, 'fedcba9876543210'],
    [192, 1_700_000_000n],
    [200, 1n],
    [208, 0xffff_ffff_ffff_ffffn],
    [220, 2],
    [256, 0, 2],
    [258, 1, 2],
  ]);
  const view = new DataView(content.buffer);
  // The sum of all 32-bit words with the checksum as zero, folded once.
  let sum = 0n;
  for (let word = 0; word < content.length; word += 4) sum += BigInt(view.getUint32(word, true));
  view.setUint32(216, Number((sum & 0xffff_ffffn) + (sum >> 32n)), true);
  return { at, content };
}

/** An md superblock of version 0.90 for a RAID1 of two, in the byte order asked for. */
export function md090(size: number, little: boolean): Piece {
  const disk = (base: number, number: number): Field[] => [
    [base, number],
    [base + 4, 7],
    [base + 8, number],
    [base + 12, number],
    [base + 16, 6],
  ];
  const content = structure(
    4096,
    [
      [0, 0xa92b4efc],
      [8, 90],
      [20, 0x11223344],
      [24, 1_700_000_000],
      [28, 1],
      [32, 1024],
      [36, 2],
      [40, 2],
      [52, 0x55667788],
      [56, 0x99aabbcc],
      [60, 0xddeeff00],
      [128, 1_700_000_000],
      [132, 1],
      [136, 2],
      [140, 2],
      [156 + (little ? 4 : 0), 1],
      ...disk(512, 0),
      ...disk(640, 1),
      ...disk(3968, 0),
    ],
    little,
  );
  const view = new DataView(content.buffer);
  let sum = 0n;
  for (let word = 0; word < content.length; word += 4) sum += BigInt(view.getUint32(word, little));
  view.setUint32(152, Number(((sum & 0xffff_ffffn) + (sum >> 32n)) & 0xffff_ffffn), little);
  return { at: Math.floor(size / 65536) * 65536 - 65536, content };
}

const KIB = 1024;
const LABEL = 256 * KIB;

export interface ZfsOptions {
  readonly little: boolean;
  /** Length of an uberblock slot in bytes. */
  readonly slot: number;
  readonly uberblocks: number;
  /** Write the name-value list too. */
  readonly list: boolean;
}

/** The four labels of a ZFS pool member. */
export function zfs(size: number, { little, slot, uberblocks, list }: ZfsOptions): Piece[] {
  const aligned = Math.floor(size / LABEL) * LABEL;
  const pieces: Piece[] = [];
  for (const label of [0, LABEL, aligned - 2 * LABEL, aligned - LABEL]) {
    for (let index = 0; index < uberblocks; index++) {
      const content = structure(
        KIB,
        [
          [0, 0x00bab10cn],
          [8, 5000n],
          [16, BigInt(4 + index)],
          [24, 0x1122334455667788n],
          [32, 1_700_000_000n],
        ],
        little,
      );
      pieces.push({ at: label + 128 * KIB + index * slot, content });
    }
    if (list) pieces.push({ at: label + 16 * KIB, content: zfsList(little) });
  }
  return pieces;
}

/** The head of a label's name-value list in XDR: version, name, state. */
function zfsList(little: boolean): Uint8Array {
  return structure(
    512,
    [
      [0, 1, 1],
      [1, little ? 1 : 0, 1],
      [8, 1],
      [12, 36],
      [16, 32],
      [20, 7],
      [24, 'version'],
      [32, 8],
      [36, 1],
      [40, 5000n],
      [48, 32],
      [52, 32],
      [56, 4],
      [60, 'name'],
      [64, 9],
      [68, 1],
      [72, 4],
      [76, 'tank'],
    ],
    false,
  );
}

const BCACHEFS_MAGIC = Uint8Array.from([
  0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef,
]);
const BCACHE_MAGIC = Uint8Array.from([
  0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81,
]);

/** bcachefs as formatted by its tools with buckets of 128 KiB: list of superblocks, superblock, two copies. */
export function bcachefs(size: number, old: boolean): Piece[] {
  const magic = old ? BCACHE_MAGIC : BCACHEFS_MAGIC;
  const last = Math.floor((size - 1024 * KIB) / (128 * KIB)) * 128 * KIB;
  const superblocks = [4096, 4096 + 1024 * KIB, last];
  const layout = structure(512, [
    [0, magic],
    [17, 11, 1],
    [18, 3, 1],
    ...superblocks.map((at, index): Field => [24 + 8 * index, BigInt(at / 512)]),
  ]);
  const copy = (at: number): Piece => ({
    at,
    content: structure(1024, [
      [0, 0x0123456789abcdefn],
      [8, 0xfedcba9876543210n],
      [16, 1025, 2],
      [18, 1025, 2],
      [24, magic],
      [40, '0123456789abcdef'],
      [56, 'fedcba9876543210'],
      [104, BigInt(at / 512)],
      [120, 8, 2],
    ]),
  });
  return [{ at: 3584, content: layout }, ...superblocks.map(copy)];
}
