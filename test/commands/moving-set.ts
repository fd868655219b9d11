import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import { ask, run, type Server, serve } from './served-set.js';

const MAIN_SECTORS = 8192;
export const SPARE_SECTORS = 8192;

/** Every third sector, and a run. */
const ENTRIES: readonly Entry[] = [
  ...Array.from({ length: 1000 }, (_, index) => [index * 3, 1000 + index] as const),
  ...Array.from({ length: 1000 }, (_, index) => [5000 + index, 3000 + index] as const),
];

/** A served set, and what its clients see. */
export class MovingSet {
  readonly #shop: Workshop;
  readonly spare: string;
  readonly main: string;
  readonly shadow: Buffer;
  server: Server | undefined;

  constructor(shop: Workshop) {
    this.#shop = shop;
    const spare = buildImage({
      ...{ layout: 'redundant', sectors: SPARE_SECTORS, maxEntries: 4000, entries: ENTRIES },
      mainSectors: MAIN_SECTORS,
    });
    const main = Buffer.alloc(MAIN_SECTORS * SECTOR);
    for (let sector = 0; sector < MAIN_SECTORS; sector++) main.writeUInt32LE(sector, sector * SECTOR);
    this.shadow = Buffer.from(main);
    for (const [owner, place] of ENTRIES) {
      const at = Number(place) * SECTOR;
      spare.writeUInt32LE(Number(owner) + 0x5000_0000, at);
      spare.copy(this.shadow, Number(owner) * SECTOR, at, at + SECTOR);
    }
    this.spare = shop.put('spare.img', spare);
    this.main = shop.put('main.img', main);
  }

  async start(...more: readonly string[]): Promise<Server> {
    this.server = await serve(this.#shop, this.spare, this.main, more);
    return this.server;
  }

  ask(message: string): Promise<string> {
    return ask(this.server?.control ?? '', message);
  }

  /** What the migration has come to. */
  async ended(): Promise<string> {
    for (;;) {
      const answer = await this.ask('migrate-status');
      if (/^ok (none|done|failed|cancelled)/.test(answer)) return answer;
      await delay(20);
    }
  }

  /** A client writes all that it is given, and flushes. */
  async write(sector: number, data: Buffer): Promise<void> {
    const part = this.#shop.put('part.bin', data);
    const line = `write -s ${part} ${sector * SECTOR} ${data.length}`;
    await run('qemu-io', '-t', 'writeback', '-f', 'raw', '-c', line, '-c', 'flush', this.server?.uri ?? '');
    data.copy(this.shadow, sector * SECTOR);
  }

  async compare(): Promise<void> {
    const copy = this.#shop.path('copy.img');
    await run('nbdcopy', '--connections=4', this.server?.uri ?? '', copy);
    assert.ok(readFileSync(copy).equals(this.shadow), 'a client sees something else than was written');
  }
}
