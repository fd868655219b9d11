import { SECTOR } from '../support/format-numbers.js';

/**
 * What the sectors of a disk may show after its server was killed: what the last flush covers, or something
 * that was written later. Of each sector one write is under way at a time, so its versions have an order.
 */
export class Ledger {
  /** Of each sector, the versions that it may show; the first is durable. */
  readonly #may: number[][];
  readonly #acknowledged: number[];
  readonly #zeroes = new Set<number>();
  #last = 0;

  constructor(readonly sectors: number) {
    this.#may = Array.from({ length: sectors }, () => [0]);
    this.#acknowledged = Array.from({ length: sectors }, () => 0);
  }

  /** A new version, which is about to be written to these sectors. */
  begin(first: number, count: number, isZero: boolean): number {
    const version = ++this.#last;
    if (isZero) this.#zeroes.add(version);
    for (const versions of this.#may.slice(first, first + count)) versions.push(version);
    return version;
  }

  acknowledge(first: number, count: number, version: number): void {
    this.#acknowledged.fill(version, first, first + count);
  }

  /** The version of a sector that was acknowledged last. */
  acknowledged(sector: number): number {
    return this.#acknowledged[sector] ?? 0;
  }

  /** What a flush covers that is sent now: of each sector, the version that was acknowledged last. */
  get covered(): readonly number[] {
    return [...this.#acknowledged];
  }

  /** These versions are durable, of the sectors from `first` on. */
  flushed(first: number, versions: readonly number[]): void {
    for (const [index, version] of versions.entries()) {
      const may = this.#may[first + index] ?? [];
      may.splice(0, Math.max(0, may.indexOf(version)));
    }
  }

  bytes(first: number, versions: readonly number[]): Buffer {
    return Buffer.concat(versions.map((version, index) => this.#content(first + index, version)));
  }

  /** What these sectors show to a client while nobody writes to them. */
  shown(first: number, count: number): Buffer {
    return this.bytes(first, this.#acknowledged.slice(first, first + count));
  }

  /** The last of the versions that a sector may show and that has these bytes; undefined for none. */
  versionIn(sector: number, bytes: Uint8Array): number | undefined {
    return this.#may[sector]?.findLast((version) => this.#content(sector, version).equals(bytes));
  }

  /** A text for a message: what a sector may show. */
  say(sector: number): string {
    const named = (this.#may[sector] ?? []).map(
      (version) => `${version}${this.#zeroes.has(version) ? ' (zeros)' : ''}`,
    );
    return `versions ${named.join(', ')}, of which ${this.acknowledged(sector)} was acknowledged last`;
  }

  /** A sector was seen to show this version after a kill: it does not change by itself. */
  settle(sector: number, version: number): void {
    this.#may[sector] = [version];
    this.#acknowledged[sector] = version;
  }

  #content(sector: number, version: number): Buffer {
    if (this.#zeroes.has(version)) return Buffer.alloc(SECTOR);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(sector, 0);
    head.writeUInt32LE(version + 1, 4);
    return Buffer.alloc(SECTOR, head);
  }
}
