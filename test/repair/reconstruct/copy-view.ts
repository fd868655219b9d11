import {
  BACKUP_COPY,
  EXT_MAGIC,
  FIELDS,
  LARGEST_TABLE,
  tableArea,
  u32,
} from '../../support/format-numbers.js';
import type { Content, CopyBytes } from './truth.js';

/** One damaged copy, as the oracle looks at it: magic, version and copy are known and taken as right. */
export class CopyView {
  readonly name: CopyBytes['name'];
  /** With magic and version right, checksum and copy zero. */
  readonly normal: Buffer;
  readonly stored: number;
  readonly region: Buffer;
  /** There is something that could be a header. */
  readonly speaks: boolean;
  readonly #count: number;
  readonly #capacity: number;
  readonly #raw: Buffer;
  readonly #tableFits: boolean;

  constructor({ name, header, headerAt, region }: CopyBytes, deviceBytes: number) {
    this.name = name;
    this.region = region;
    this.#raw = header;
    this.normal = Buffer.from(header);
    this.normal.write('DMREMAP3', 0, 'latin1');
    this.normal.writeUInt32LE(1, FIELDS.version[0]);
    this.normal.writeUInt32LE(0, FIELDS.checksum[0]);
    this.normal.writeUInt32LE(0, FIELDS.copy[0]);
    this.stored = u32(header, 'checksum');
    this.speaks = header.subarray(0, 512).some((byte) => byte !== 0);
    this.#count = u32(header, 'entry_count');
    this.#capacity = u32(header, 'max_entries');
    const area = tableArea(this.#capacity);
    const room = name === 'primary' ? deviceBytes - 4096 : headerAt - 4096;
    this.#tableFits = this.#capacity >= 1 && this.#capacity <= LARGEST_TABLE && area <= room;
  }

  /** Its header names live entries that lie on the device. */
  get hasTable(): boolean {
    return this.speaks && this.#tableFits && this.#count <= this.#capacity;
  }

  /** Its capacity takes as many blocks as the tables really do. */
  get tableIsInPlace(): boolean {
    return tableArea(this.#capacity) === this.region.length;
  }

  /** Entry counts that are tried beside the one that stands there. */
  get capacitySearched(): number {
    return this.speaks && this.#tableFits ? this.#capacity : 0;
  }

  get bitsSearched(): number {
    if (!this.speaks) return 0;
    return this.hasTable ? 8 * (4096 + 16 * this.#count) : 32;
  }

  /** It counts as a copy as it lies: nothing is to be reconstructed. */
  isValidWith(content: Content): boolean {
    const right =
      this.#raw.subarray(0, 8).equals(this.normal.subarray(0, 8)) &&
      u32(this.#raw, 'version') === 1 &&
      u32(this.#raw, 'copy') === (this.name === 'primary' ? 0 : 1);
    return right && this.wrongBits(content) === 0;
  }

  /** How many bits stand against the copy being this one; 2 stands for more, and for another entry_count. */
  wrongBits(content: Content): number {
    if (!this.speaks || this.#count * 16 !== content.live.length) return 2;
    return (
      bitsBetween(this.normal, content.block) +
      bitsBetween(this.region.subarray(0, content.live.length), content.live) +
      bitsIn(this.stored ^ content.sums[this.name])
    );
  }

  /** Only its entry_count is wrong. */
  countedAs(content: Content): boolean {
    const header = Buffer.from(this.normal);
    header.writeUInt32LE(content.live.length / 16, FIELDS.entry_count[0]);
    return (
      this.speaks &&
      this.#tableFits &&
      this.#count * 16 !== content.live.length &&
      header.equals(content.block) &&
      this.stored === content.sums[this.name] &&
      this.region.subarray(0, content.live.length).equals(content.live)
    );
  }

  /** The other copy is not this one's double: what it says was not said by this one. */
  isDamagedOtherwise(other: CopyView, content: Content): boolean {
    const wrongSum = (view: CopyView) => view.stored ^ content.sums[view.name];
    return !this.holdsTheSame(other) || wrongSum(this) !== wrongSum(other);
  }

  holdsTheSame(other: CopyView | undefined): boolean {
    if (other === undefined || !this.normal.equals(other.normal)) return false;
    const length = this.#count * 16;
    return this.region.subarray(0, length).equals(other.region.subarray(0, length));
  }

  /** Blocks of this size in which the copies differ, under this copy's header; all where its tables lie elsewhere. */
  differences(views: readonly CopyView[], unit: number): number {
    const [one, other] = views;
    if (one === undefined || other === undefined || !this.#isRedundant()) return 0;
    const length = this.#count * 16;
    if (!this.tableIsInPlace) return Math.ceil(length / unit);
    const different = (a: Buffer, b: Buffer, end: number) => {
      let count = 0;
      for (let at = 0; at < end; at += unit)
        if (!a.subarray(at, Math.min(at + unit, end)).equals(b.subarray(at, Math.min(at + unit, end))))
          count++;
      return count;
    };
    const headers = unit === 512 ? different(one.normal.subarray(512), other.normal.subarray(512), 3584) : 0;
    return headers + different(one.region, other.region, length);
  }

  #isRedundant(): boolean {
    const [at, length] = FIELDS.ext_magic;
    const flags = u32(this.normal, 'ro_compat_flags');
    return this.normal.toString('latin1', at, at + length) === EXT_MAGIC && (flags & BACKUP_COPY) !== 0;
  }
}

/** How many bits differ; 2 stands for more. */
function bitsBetween(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return 0;
  let count = 0;
  for (let at = 0; at < b.length && count < 2; at++) count += bitsIn((a[at] ?? 0) ^ (b[at] ?? 0));
  return Math.min(count, 2);
}

function bitsIn(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}
