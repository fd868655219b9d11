import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Workshop } from '../obligations/workshop.js';
import { activeOf, type Spare, spareOn } from '../operations/migrate/judge-pair.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { startWatched } from './watched.js';

/**
 * The real process is killed (SIGKILL) at random moments of a migration, of its resume and of the way back. After
 * each kill exactly one spare is active, by the independent reader, and has all data; from where the last kill of a
 * story has left it, the migration ends clean.
 */

const test = suite('migrate, killed at random moments');

const STORIES = 6;
const KILLS_OF_A_STORY = 36;
const AT_A_TIME = 2;
const TIMEOUT_MS = 250_000;

/** Some together, some alone. */
const ENTRIES: readonly Entry[] = Array.from({ length: 900 }, (_, index) => [
  20_000 - index * 7,
  200 + index + 3 * Math.floor(index / 50),
]);
const SECTORS = 2400;

/** After how many changes of the files, and how many milliseconds more, a process is killed at the latest. */
const MOST_CHANGES = 12;
const MOST_MS = 40;

type Data = Map<number, string>;

class Story {
  readonly #shop = new Workshop('process');
  readonly #random: Random;
  readonly #layout: 'redundant' | 'plain-ext';
  readonly #paths: readonly [string, string];
  #isRefused = false;
  readonly #shadow: Data = new Map();
  readonly kills = new Map<string, number>();
  changed = 0;

  constructor(seed: number, layout: 'redundant' | 'plain-ext') {
    this.#random = new Random(seed);
    for (const [main] of ENTRIES)
      this.#shadow.set(Number(main), this.#random.bytes(SECTOR).toString('latin1'));
    this.#layout = layout;
    this.#paths = [this.#shop.path('from.img'), this.#shop.path('to.img')];
    this.#begin();
  }

  /** FROM with all data, and nothing on TO. */
  #begin(): void {
    const spec = { entries: ENTRIES, sectors: SECTORS, maxEntries: 1000, mainSectors: 30_000 };
    const image = buildImage({ layout: this.#layout, ...spec });
    for (const [main, spare] of ENTRIES)
      image.write(this.#shadow.get(Number(main)) ?? '', Number(spare) * SECTOR, 'latin1');
    this.#shop.put('from.img', image);
    this.#shop.sparse('to.img', 3000 * SECTOR);
  }

  get count(): number {
    return [...this.kills.values()].reduce((sum, one) => sum + one, 0);
  }

  async tell(): Promise<void> {
    try {
      while (this.count < KILLS_OF_A_STORY) {
        await this.#attempt();
        const active = this.#judge();
        if (this.#random.chance(0.4)) await this.#writeToMain(active);
      }
      await this.#end();
    } finally {
      this.#shop.cleanUp();
    }
  }

  /** One process, killed unless it ends before. */
  async #attempt(): Promise<void> {
    const words = this.#next();
    const moment = this.#random.chance(0.1)
      ? { change: 0, after: this.#random.below(300) }
      : { change: this.#random.between(1, MOST_CHANGES), after: 0 };
    if (moment.change > 0 && this.#random.chance(0.3)) moment.after = this.#random.below(MOST_MS);
    const { child, ended } = startWatched(words, this.#paths, this.#shop.env, (changes, started) => {
      if (changes === moment.change) void delay(moment.after).then(() => started.kill('SIGKILL'));
    });
    const code = await ended;
    const line = words.filter((word) => word.startsWith('-') || !word.includes('/')).join(' ');
    if (child.signalCode === 'SIGKILL') this.kills.set(line, (this.kills.get(line) ?? 0) + 1);
    this.#isRefused = code === 8;
    if (code !== null) assert.ok([0, 1, 4, 5, 8].includes(code), `${line} ended with ${code}`);
  }

  /** What is to be typed now; where the set has come back, a story begins again. */
  #next(): readonly string[] {
    const { from, to } = this.#spares();
    if (from?.role === 0 && to?.role === 2) {
      this.#begin();
      return this.#migrate();
    }
    // a torn target is there although no copy of it counts
    if (from?.role === 0 && to === undefined) return this.#migrate(...(this.#isRefused ? ['--resume'] : []));
    if (this.#random.chance(0.05)) return ['check', '-p', ...this.#paths];
    const goesOn = from?.role !== 1 && to?.role === 1 && this.#random.chance(0.6);
    return this.#migrate(goesOn ? '--resume' : '--rollback');
  }

  #migrate(...flags: readonly string[]): readonly string[] {
    return ['migrate', ...this.#paths, ...flags, '--yes', '--quiet'];
  }

  #spares(): { readonly from: Spare | undefined; readonly to: Spare | undefined } {
    const [from, to] = this.#paths.map((path) => spareOn(readFileSync(path)));
    return { from, to };
  }

  /** Exactly one active spare, which shows all that main shows. */
  #judge(): 0 | 1 {
    const { from, to } = this.#spares();
    const active = activeOf(from, to);
    if (typeof active === 'string') throw new Error(`after ${this.#told()}: ${active}`);
    const shown = [from, to][active]?.data ?? new Map<number, string>();
    assert.is(shown.size, this.#shadow.size, this.#told());
    for (const [main, data] of this.#shadow)
      assert.ok(shown.get(main) === data, `after ${this.#told()}: sector ${main} of main has other data`);
    return active;
  }

  /** As a program that uses the remapped device: a few of its sectors get other data. */
  async #writeToMain(active: 0 | 1): Promise<void> {
    const spare = spareOn(readFileSync(this.#paths[active]));
    // a target takes no write before step 5
    if (spare?.role !== 0) return;
    const file = await open(this.#paths[active], 'r+');
    for (let count = this.#random.between(1, 5); count > 0; count--) {
      const main = this.#random.pick([...this.#shadow.keys()]);
      const data = this.#random.bytes(SECTOR);
      await file.write(data, 0, SECTOR, (spare.places.get(main) ?? Number.NaN) * SECTOR);
      this.#shadow.set(main, data.toString('latin1'));
    }
    await file.close();
    this.changed++;
  }

  async #end(): Promise<void> {
    // a target of which nothing is written yet, or nothing is left, is no spare at all
    const couldNot = this.#spares().to === undefined ? 8 : 0;
    const preened = await this.#shop.run(['check', '-p', ...this.#paths]);
    assert.ok([0, 1, 4, 5].includes((preened.code ?? -1) & ~couldNot), preened.stdout);
    this.#judge();
    const { from, to } = this.#spares();
    // a way back that has begun only goes on; without a target, or once the set has come back, nothing is left to resume
    const isResumable = from?.role !== 1 && to !== undefined && to.role !== 2;
    const isResume = isResumable && this.#random.chance(0.5);
    const flag = isResume ? '--resume' : '--rollback';
    const ended = await this.#shop.run(this.#migrate(flag));
    assert.is(ended.code, 0, `${flag} after ${this.#told()}: ${ended.stderr}`);
    assert.is(this.#judge(), isResume ? 1 : 0);
    const active = this.#paths[isResume ? 1 : 0];
    const checked = await this.#shop.run(['check', active]);
    assert.is(checked.code, 0, checked.stdout);
  }

  #told(): string {
    return [...this.kills].map(([line, count]) => `${count} × ${line}`).join(', ');
  }
}

const all: Story[] = [];

test(
  'each kill leaves one active spare with all data, and the migration ends',
  async () => {
    const waiting = Array.from({ length: STORIES }, (_, index) => index).values();
    await Promise.all(
      Array.from({ length: AT_A_TIME }, async () => {
        for (const index of waiting) {
          const story = new Story(index, index % 3 === 2 ? 'plain-ext' : 'redundant');
          all.push(story);
          await story.tell();
        }
      }),
    );
  },
  { timeoutMs: TIMEOUT_MS },
);

test('200 kills and more, of every line', () => {
  const sum = new Map<string, number>();
  for (const { kills } of all) for (const [line, count] of kills) sum.set(line, (sum.get(line) ?? 0) + count);
  const changed = all.reduce((total, story) => total + story.changed, 0);
  console.log(
    `${[...sum].map(([line, count]) => `${count} × ${line}`).join(', ')}; ${changed} writes to main between`,
  );
  assert.ok([...sum.values()].reduce((total, one) => total + one, 0) >= 200);
  assert.ok(sum.size >= 3);
});
