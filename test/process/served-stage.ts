import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, serve, start } from '../commands/served-set.js';
import { dmremap, fsck } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { activeOf, roleOf } from '../serve/section-8.js';
import { buildImage, type Layout } from '../support/build-image.js';
import { SECTOR, u32 } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { Ledger } from './ledger.js';
import { type Books, Load } from './load.js';
import { PipelinedClient } from './pipelined-client.js';

export interface SetKind {
  readonly name: string;
  readonly layout: Layout;
  /** Sectors that main does not take; reads of them are well. */
  readonly failing?: readonly [from: number, end: number];
  /** Another spare is there, and the set moves to it whenever it is served. */
  readonly moves?: boolean;
}

/** What was under way when a server was killed. */
export interface ServerKill {
  readonly requests: number;
  readonly messages: number;
  readonly isStarting: boolean;
  /** Sectors whose last acknowledged write was not flushed and is gone. */
  readonly lost: number;
  readonly corrected: boolean;
  /** How far a migration was. */
  readonly moved: 'none' | 'begun' | 'between' | 'done';
}

/** When a server is killed: milliseconds after this reply or message, or after the load has begun (0). */
type Moment =
  | { readonly after: 'start'; readonly delay: number }
  | {
      readonly after: 'load' | 'reply' | 'message' | 'migrate';
      readonly count: number;
      readonly delay: number;
    };

const [MAIN_SECTORS, SPARE_SECTORS, CAPACITY] = [512, 1024, 450];
const OTHER_SECTORS = 1200;
/** Within so many milliseconds after a migration has begun the server is killed. */
const MOVING_MS = 120;
const READ_AT_ONCE = 64;

/** Remapped from the start: single sectors, and a run. */
const REMAPPED = [...Array.from({ length: 40 }, (_, index) => index * 6 + 1), 400, 401, 402, 403, 404, 405];

/** A set, the server that is killed again and again, and what the set may show. */
export class ServedStage {
  readonly #shop = new Workshop('process');
  readonly #kind: SetKind;
  readonly #random: Random;
  readonly #books: Books;
  #spare: string;
  /** What it moves to next. */
  #other: string | undefined;
  /** Where the bytes of main lie, and where the server finds it. */
  readonly #content: string;
  #main: string;

  static async of(kind: SetKind, random: Random): Promise<ServedStage> {
    const stage = new ServedStage(kind, random);
    try {
      if (kind.failing !== undefined) await stage.#failAt(kind.failing);
      return stage;
    } catch (error) {
      stage.cleanUp();
      throw error;
    }
  }

  private constructor(kind: SetKind, random: Random) {
    this.#kind = kind;
    this.#random = random;
    const ledger = new Ledger(MAIN_SECTORS);
    const entries = REMAPPED.map((main, index) => [main, 300 + index] as const);
    const spare = buildImage({
      layout: kind.layout,
      sectors: SPARE_SECTORS,
      maxEntries: CAPACITY,
      mainSectors: MAIN_SECTORS,
      entries,
    });
    for (const [main, place] of entries) ledger.shown(main, 1).copy(spare, place * SECTOR);
    const remapped = new Map<number, boolean | undefined>();
    for (let sector = 0; sector < MAIN_SECTORS; sector++)
      if (!this.#fails(sector)) remapped.set(sector, REMAPPED.includes(sector));
    this.#books = { ledger, remapped, generation: 0 };
    this.#spare = this.#shop.put('spare.img', spare);
    if (kind.moves === true) this.#other = this.#shop.put('other.img', Buffer.alloc(OTHER_SECTORS * SECTOR));
    const main = ledger.shown(0, MAIN_SECTORS);
    // nobody may ever read what lies on main of a remapped sector
    for (const sector of REMAPPED) main.fill(0xee, sector * SECTOR, (sector + 1) * SECTOR);
    this.#content = this.#shop.put('main.img', main);
    this.#main = this.#content;
  }

  cleanUp(): void {
    this.#shop.cleanUp();
  }

  /** Starts the server, verifies what it shows, and kills it at a random moment. */
  async kill(): Promise<ServerKill> {
    const moment = this.#moment();
    const died =
      moment.after === 'start' ? await this.#killStarting(moment.delay) : await this.#killLoaded(moment);
    const moved = await this.#settleMove();
    const { corrected, lost } = await this.#verify(moved !== 'none');
    return { ...died, corrected: corrected || moved === 'between', lost, moved };
  }

  /** Serves once more: a client reads what the last kill has left. */
  async end(): Promise<void> {
    const { socket, stop } = await serve(this.#shop, this.#spare, this.#main);
    await this.#compare(socket);
    assert.is((await stop()).code, 0);
    const { n, why } = judge(readFileSync(this.#spare));
    assert.equal([n, why], [0, []]);
  }

  async #failAt([from, end]: readonly [number, number]): Promise<void> {
    const disk = await FailingDisk.start(this.#shop, this.#content, MAIN_SECTORS * SECTOR);
    disk.set({ write: [from * SECTOR, end * SECTOR] });
    this.#main = disk.path;
  }

  #fails(sector: number): boolean {
    const [from, end] = this.#kind.failing ?? [0, 0];
    return sector >= from && sector < end;
  }

  #moment(): Moment {
    const random = this.#random;
    if (this.#other !== undefined && random.chance(0.9))
      return { after: 'migrate', count: 1, delay: random.below(MOVING_MS) };
    if (random.chance(0.06)) return { after: 'start', delay: random.between(100, 400) };
    if (random.chance(0.3)) return { after: 'load', count: 0, delay: random.below(150) };
    if (random.chance(0.4)) return { after: 'reply', count: random.between(1, 400), delay: 0 };
    return { after: 'message', count: random.between(1, 12), delay: random.below(8) };
  }

  async #killStarting(after: number) {
    const { child, ended } = start(this.#shop, this.#spare, this.#main);
    await delay(after);
    child.kill('SIGKILL');
    await ended;
    return { requests: 0, messages: 0, isStarting: true };
  }

  async #killLoaded(moment: Exclude<Moment, { after: 'start' }>) {
    const line = [this.#shop, this.#spare, this.#main, ['--save-interval', '1']] as const;
    const { child, ended, socket, control } = await serve(...line);
    await this.#compare(socket);
    let underWay = { requests: 0, messages: 0 };
    const kill = (): void => {
      if (child.killed) return;
      underWay = load.underWay;
      child.kill('SIGKILL');
    };
    let heard = 0;
    const load = new Load(this.#books, control, this.#random, (what) => {
      if (what === moment.after && ++heard === moment.count) void delay(moment.delay).then(kill);
    });
    await load.attach(socket);
    if (moment.after === 'load') void delay(moment.delay).then(kill);
    if (moment.after === 'migrate') {
      assert.is(await ask(control, `migrate ${this.#other}`), 'ok started');
      const phases = this.#random.pick([[], ['copying'], ['copying', 'comparing']]);
      void passed(control, phases).then(() => delay(moment.delay).then(kill));
    }
    await load.run();
    await ended;
    assert.ok(child.killed, 'the server ended by itself');
    assert.equal(load.wrong, []);
    return { ...underWay, isStarting: false };
  }

  /** Which of the two spares is active, by an independent reading; check does what is left of a migration. */
  async #settleMove(): Promise<ServerKill['moved']> {
    const [from, to] = [this.#spare, this.#other];
    if (to === undefined) return 'none';
    const before = [readFileSync(from), readFileSync(to)] as const;
    if (before[1].every((byte) => byte === 0)) return 'none';
    const active = activeOf(...before);
    assert.ok(active !== undefined, 'no spare is active, or more than one');
    const { code, stdout, stderr } = await dmremap(['check', '-p', from, to], { env: this.#shop.env });
    const said = `check -p answers ${code}: ${stdout}${stderr}`;
    const after = [readFileSync(from), readFileSync(to)] as const;
    assert.is(activeOf(...after), active, said);
    if (active === 'from') {
      // an incomplete target is a problem of its own, and what the next migration begins with
      assert.ok(code === 4 || code === 5, said);
      return 'begun';
    }
    assert.ok(code === 0 || code === 1, said);
    assert.is(roleOf(after[1]), 0, said);
    [this.#spare, this.#other] = [to, from];
    writeFileSync(from, Buffer.alloc(before[0].length));
    return roleOf(before[1]) === 0 ? 'done' : 'between';
  }

  /** The images, as check leaves them and by the independent reader. */
  async #verify(isSettled: boolean): Promise<{ corrected: boolean; lost: number }> {
    const main = readFileSync(this.#content);
    // else the server itself has to recover the set
    const isChecked = isSettled || this.#random.chance(0.5);
    const spare = isChecked ? this.#spare : this.#shop.path('copy.img');
    if (!isChecked) copyFileSync(this.#spare, spare);
    const { code, stdout, stderr } = await fsck(['-p', spare], { env: this.#shop.env });
    assert.ok(code === 0 || code === 1, `check -p answers ${code}: ${stdout}${stderr}`);
    const image = readFileSync(spare);
    const { n, truth, why } = judge(image);
    assert.equal([n, why], [0, []]);
    assert.ok(u32(image, 'generation') >= this.#books.generation, 'a save is gone');
    return { corrected: code === 1, lost: this.#settle(main, image, new Map(truth)) };
  }

  /** Holds each sector and each entry against the books; the number of sectors that lost a write. */
  #settle(main: Buffer, spare: Buffer, entries: ReadonlyMap<number, number>): number {
    const { ledger, remapped } = this.#books;
    const wrong: string[] = [];
    let lost = 0;
    for (let sector = 0; sector < MAIN_SECTORS; sector++) {
      const place = entries.get(sector);
      const [medium, at] = place === undefined ? [main, sector] : [spare, place];
      const bytes = medium.subarray(at * SECTOR, (at + 1) * SECTOR);
      const version = ledger.versionIn(sector, bytes);
      const where = `sector ${sector} on ${place === undefined ? 'main' : `spare sector ${place}`}`;
      if (version === undefined)
        wrong.push(`${where} shows ${bytes.toString('hex', 0, 16)}, not one of ${ledger.say(sector)}`);
      else {
        if (version < ledger.acknowledged(sector)) lost++;
        ledger.settle(sector, version);
      }
      if (remapped.get(sector) === (place === undefined)) wrong.push(`${where}: a message was forgotten`);
      if (remapped.has(sector)) remapped.set(sector, place !== undefined);
    }
    assert.equal(wrong, []);
    return lost;
  }

  /** A client of the server that has come up reads every sector. */
  async #compare(socket: string): Promise<void> {
    const client = await PipelinedClient.attach(socket);
    const firsts = Array.from({ length: MAIN_SECTORS / READ_AT_ONCE }, (_, index) => index * READ_AT_ONCE);
    await Promise.all(
      firsts.map(async (first) => {
        const answer = await client.read(first * SECTOR, READ_AT_ONCE * SECTOR);
        const isSame = answer?.data.equals(this.#books.ledger.shown(first, READ_AT_ONCE));
        assert.ok(isSame, `${READ_AT_ONCE} sectors from ${first} on are not what lies on the disks`);
      }),
    );
    client.close();
  }
}

/** Resolves once a migration is in none of these phases, however slow the machine is. */
async function passed(control: string, phases: readonly string[]): Promise<void> {
  for (;;) {
    const [, phase = ''] = (await ask(control, 'migrate-status')).split(' ');
    if (!phases.includes(phase)) return;
    await delay(1);
  }
}

/** Kills a server of a new set so many times; the failure says at which kill, and of which seed. */
export async function killTimes(kind: SetKind, kills: number, seed: number): Promise<ServerKill[]> {
  const stage = await ServedStage.of(kind, new Random(seed));
  const done: ServerKill[] = [];
  try {
    while (done.length < kills) done.push(await stage.kill());
    await stage.end();
    return done;
  } catch (error) {
    throw new Error(`seed ${seed}, kill ${done.length + 1}`, { cause: error });
  } finally {
    stage.cleanUp();
  }
}
