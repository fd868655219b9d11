import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { shown } from '../commands/remapped.js';
import { fsck } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry, type Layout } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { runKilledAtCall, startWatched } from './watched.js';

/**
 * The real process is killed (SIGKILL) at random moments of the import of a list and of `unremap --all`. After each
 * kill and a `check -p` the remapped device reads, by the independent reader, what was written to it; and the
 * same line typed again ends.
 */

const test = suite('remap and unremap, killed at random moments');

const LAYOUTS: readonly Layout[] = ['redundant', 'plain', 'redundant', 'plain-ext'];
const KILLS_OF_A_STORY = 16;
const AT_A_TIME = 2;
const TIMEOUT_MS = 120_000;

const MAIN_SECTORS = 4096;
const ENTRIES: readonly Entry[] = Array.from({ length: 40 }, (_, index) => [3 + index * 97, 300 - index]);
/** Runs and single sectors, a few of them remapped at the beginning. */
const LISTED: readonly number[] = Array.from({ length: 300 }, (_, index) => index * 13 + (index % 5)).flatMap(
  (sector, index) => (index % 10 === 0 ? [sector, sector + 1, sector + 2] : [sector]),
);

/** After how many changes of files, and how many milliseconds more, a process is killed at the latest. */
const MOST_CHANGES = { remap: 20, unremap: 300 };
const MOST_MS = 60;

/** Those before which data, backup and primary are written. */
const FLUSHES = { first: 4, last: 7 };

type Command = keyof typeof MOST_CHANGES;

class Story {
  readonly #shop = new Workshop('process');
  readonly #random: Random;
  readonly #layout: Layout;
  readonly #spare: string;
  readonly #main: string;
  readonly #list: string;
  /** What the remapped device holds. */
  readonly #shadow: Buffer;
  readonly kills: Record<Command, number> = { remap: 0, unremap: 0 };
  /** Kills that left something to `check -p`. */
  corrected = 0;

  constructor(seed: number, layout: Layout) {
    this.#random = new Random(seed);
    this.#layout = layout;
    const image = buildImage({
      layout,
      sectors: 2048,
      maxEntries: 1000,
      mainSectors: MAIN_SECTORS,
      entries: ENTRIES,
    });
    for (const [, place] of ENTRIES) this.#random.bytes(SECTOR).copy(image, Number(place) * SECTOR);
    const main = this.#random.bytes(MAIN_SECTORS * SECTOR);
    this.#spare = this.#shop.put('spare.img', image);
    this.#main = this.#shop.put('main.img', main);
    this.#list = this.#shop.put('bad', Buffer.from(LISTED.map((sector) => `${sector}\n`).join('')));
    this.#shadow = shown(image, main);
    mkdirSync(this.#shop.state);
  }

  async tell(): Promise<void> {
    try {
      let command: Command = 'remap';
      while (this.kills.remap + this.kills.unremap < KILLS_OF_A_STORY) {
        if (!(await this.#attempt(command))) command = command === 'remap' ? 'unremap' : 'remap';
      }
      for (const last of [command, command === 'remap' ? 'unremap' : 'remap'] as const) {
        const ended = await this.#shop.run(this.#line(last));
        assert.is(ended.code, 0, `${last} after ${this.#told()}: ${ended.stderr}`);
        this.#judge();
        this.#assertEnded(last);
      }
    } finally {
      this.#shop.cleanUp();
    }
  }

  /** One process, killed unless it ends before; whether it was. */
  async #attempt(command: Command): Promise<boolean> {
    const code = await (this.#random.chance(0.5)
      ? this.#killedAtFlush(command)
      : this.#killedAnywhere(command));
    if (code === null) this.kills[command]++;
    else {
      assert.is(code, 0, `${command} after ${this.#told()}`);
      this.#assertEnded(command);
    }
    const checked = await fsck(['-p', this.#spare], { env: this.#shop.env });
    assert.ok(checked.code === 0 || checked.code === 1, `after ${this.#told()}: ${checked.stdout}`);
    this.corrected += checked.code ?? 0;
    this.#judge();
    if (this.#random.chance(0.5)) this.#writeToDevice();
    return code === null;
  }

  /** The exit code; null where it was killed. */
  async #killedAnywhere(command: Command): Promise<number | null> {
    const at = this.#random.below(MOST_CHANGES[command]);
    const after = at === 0 || this.#random.chance(0.3) ? this.#random.below(MOST_MS) : 0;
    const files = [this.#spare, this.#main, this.#shop.state];
    const { ended } = startWatched(this.#line(command), files, this.#shop.env, (changes, child) => {
      if (changes === at) void delay(after).then(() => child.kill('SIGKILL'));
    });
    return ended;
  }

  /** Most of the commit's steps lie between two flushes that follow on each other too fast for anything else. */
  #killedAtFlush(command: Command): Promise<number | null> {
    const nth = this.#random.between(FLUSHES.first, FLUSHES.last);
    return runKilledAtCall(this.#line(command), this.#shop.env, 'fsync', nth);
  }

  #line(command: Command): readonly string[] {
    const what =
      command === 'remap' ? ['--badblocks', this.#list, '--block-size', String(SECTOR)] : ['--all'];
    return [command, this.#spare, '--main', this.#main, ...what, '--yes', '--quiet'];
  }

  #judge(): void {
    const [spare, main] = [this.#spare, this.#main].map((path) => readFileSync(path)) as [Buffer, Buffer];
    const { n, why } = judge(spare);
    assert.equal([n, why], [0, []], `after ${this.#told()}`);
    const device = shown(spare, main);
    for (let at = 0; at < device.length; at += SECTOR)
      if (device.compare(this.#shadow, at, at + SECTOR, at, at + SECTOR) !== 0)
        throw new Error(`after ${this.#told()}: sector ${at / SECTOR} reads other data`);
  }

  #assertEnded(command: Command): void {
    const table = new Map(judge(readFileSync(this.#spare)).truth);
    if (command === 'unremap') assert.is(table.size, 0);
    else for (const sector of LISTED) assert.ok(table.has(sector), `sector ${sector} is not remapped`);
  }

  /** As a program that uses the remapped device: a few sectors get other data. */
  #writeToDevice(): void {
    const files = { spare: readFileSync(this.#spare), main: readFileSync(this.#main) };
    const table = new Map(judge(files.spare).truth);
    for (let count = this.#random.between(1, 5); count > 0; count--) {
      const sector = this.#random.chance(0.7) ? this.#random.pick(LISTED) : this.#random.below(MAIN_SECTORS);
      const data = this.#random.bytes(SECTOR);
      const place = table.get(sector);
      if (place === undefined) data.copy(files.main, sector * SECTOR);
      else data.copy(files.spare, place * SECTOR);
      data.copy(this.#shadow, sector * SECTOR);
    }
    writeFileSync(this.#spare, files.spare);
    writeFileSync(this.#main, files.main);
  }

  #told(): string {
    return `${this.#layout}, ${this.kills.remap} × remap, ${this.kills.unremap} × unremap`;
  }
}

test(
  'each kill leaves all data, and the line typed again ends',
  async () => {
    needs('strace');
    const stories = LAYOUTS.map((layout, index) => new Story(index, layout));
    const waiting = stories.values();
    await Promise.all(
      Array.from({ length: AT_A_TIME }, async () => {
        for (const story of waiting) await story.tell();
      }),
    );
    const sum = (what: (story: Story) => number) => stories.reduce((total, story) => total + what(story), 0);
    const [remap, unremap] = [sum(({ kills }) => kills.remap), sum(({ kills }) => kills.unremap)];
    const corrected = sum((story) => story.corrected);
    console.log(`${remap} × remap, ${unremap} × unremap killed; ${corrected} left something to correct`);
    assert.ok(corrected >= 3, `${corrected} of them left something to correct`);
    assert.ok(remap + unremap >= 60 && Math.min(remap, unremap) >= 10, `${remap}, ${unremap}`);
  },
  { timeoutMs: TIMEOUT_MS },
);
