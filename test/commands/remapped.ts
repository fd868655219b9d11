import { readFileSync } from 'node:fs';
import { type Document, documentOf } from '../obligations/schemas.js';
import type { Workshop } from '../obligations/workshop.js';
import { buildImage, type ImageSpec } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';

/** A set with random data on both devices, and what its device showed when it was made. */
export class Remapped {
  readonly #shop: Workshop;
  readonly spare: string;
  readonly main: string;
  /** The bytes of the remapped device, by the test's own reading of the table. */
  readonly device: Buffer;

  private constructor(shop: Workshop, spare: string, main: string, device: Buffer) {
    this.#shop = shop;
    [this.spare, this.main, this.device] = [spare, main, device];
  }

  static make(shop: Workshop, spec: Partial<ImageSpec> & { readonly mainSectors: number }): Remapped {
    const random = new Random(11);
    const main = random.bytes(Number(spec.mainSectors) * SECTOR);
    const image = buildImage({ layout: 'redundant', sectors: 2048, maxEntries: 500, ...spec });
    for (const [, sector] of spec.entries ?? []) random.bytes(SECTOR).copy(image, Number(sector) * SECTOR);
    return new Remapped(shop, shop.put('spare.img', image), shop.put('main.img', main), shown(image, main));
  }

  with({
    spare = this.spare,
    main = this.main,
  }: {
    readonly spare?: string;
    readonly main?: string;
  }): Remapped {
    return new Remapped(this.#shop, spare, main, this.device);
  }

  /** The same on loop devices. */
  onLoops(...options: readonly string[]): Remapped {
    return this.with({
      spare: this.#shop.loop(this.spare, ...options),
      main: this.#shop.loop(this.main, ...options),
    });
  }

  get header(): Buffer {
    return readFileSync(this.spare).subarray(0, 4096);
  }

  run(command: 'remap' | 'unremap', ...line: readonly string[]): Promise<Document> {
    const words = [command, this.spare, '--main', this.main, ...line, '--yes', '--json'];
    return this.#shop.run(words).then((ended) => documentOf(ended, command));
  }

  remap(...line: readonly string[]): Promise<Document> {
    return this.run('remap', ...line);
  }

  /** Where main sectors live, by the independent reader, which finds nothing wrong. */
  remapped(): ReadonlyMap<number, number> {
    const { n, why, truth } = judge(readFileSync(this.spare));
    assert.equal([n, why], [0, []]);
    return new Map(truth);
  }

  /** These sectors are remapped and no others, and the device shows what it showed, but for zeros. */
  assertRemapped(sectors: readonly number[], zeros: ReadonlySet<number> = new Set()): void {
    const table = this.remapped();
    assert.equal(
      [...table.keys()].sort((a, b) => a - b),
      [...sectors].sort((a, b) => a - b),
    );
    const spare = readFileSync(this.spare);
    for (const [main, place] of table) {
      const wanted = zeros.has(main)
        ? Buffer.alloc(SECTOR)
        : this.device.subarray(main * SECTOR, (main + 1) * SECTOR);
      assert.equal(spare.subarray(place * SECTOR, (place + 1) * SECTOR), wanted, `sector ${main}`);
    }
  }
}

/** The remapped device, sector by sector. */
export function shown(spare: Buffer, main: Buffer): Buffer {
  const device = Buffer.from(main);
  for (const [sector, place] of judge(spare).truth ?? [])
    spare.copy(device, sector * SECTOR, place * SECTOR, (place + 1) * SECTOR);
  return device;
}
