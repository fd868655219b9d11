import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ended, fsck } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import { type ReadUndo, readUndo } from '../support/undo-reader.js';
import { DUMPED, layoutOf, MAIN_SECTORS, type Victim } from './victims.js';
import { type Call, runKilledAtCall, startWatched, type Watched } from './watched.js';

/** Where the spare of a stage lies. */
export interface SpareFile {
  readonly path: string;
  readonly content: Buffer;
  write(content: Uint8Array): void;
}

export type Place = (shop: Workshop, size: number) => Promise<SpareFile>;

export async function imageFile(shop: Workshop): Promise<SpareFile> {
  const path = shop.path('spare.img');
  return {
    path,
    get content() {
      return readFileSync(path);
    },
    write: (content) => writeFileSync(path, content),
  };
}

/** When a process is killed: this many milliseconds after its nth change of a file, or after its start (0). */
export interface Moment {
  readonly change: number;
  readonly delay: number;
}

/** How a process went that was let alone. Times in milliseconds. */
export interface Course {
  readonly changes: number;
  readonly untilFirst: number;
  readonly fromFirst: number;
}

/** How many kills one process of the tests has under way. */
export const AT_A_TIME = 2;

/** A folder with all that the line of a victim needs, which can be put back to where the line begins. */
export class Stage {
  readonly #victim: Victim;
  readonly #shop: Workshop;
  readonly #spare: SpareFile;
  #image: Buffer = Buffer.alloc(0);
  #undo: ReadonlyMap<string, Buffer> = new Map();

  private constructor(victim: Victim, shop: Workshop, spare: SpareFile) {
    this.#victim = victim;
    this.#shop = shop;
    this.#spare = spare;
  }

  /** @param place where the spare lies; an image file unless told */
  static async of(victim: Victim, place: Place = imageFile): Promise<Stage> {
    const shop = new Workshop('process');
    try {
      const stage = new Stage(victim, shop, await place(shop, victim.image.length));
      await stage.#prepare();
      return stage;
    } catch (error) {
      shop.cleanUp();
      throw error;
    }
  }

  /** What lies on the spare where the line begins. */
  get start(): Buffer {
    return this.#image;
  }

  get image(): Buffer {
    return this.#spare.content;
  }

  /** The undo files that the line and what came after it have written, the newest first. */
  newUndoFiles(): ReadUndo[] {
    const born = (name: string) => statSync(join(this.#shop.state, name), { bigint: true }).birthtimeNs;
    return this.#undoNames()
      .filter((name) => !this.#undo.has(name))
      .sort((a, b) => Number(born(b) - born(a)))
      .map((name) => readUndo(readFileSync(join(this.#shop.state, name))));
  }

  /** Puts spare and undo files back to where the line begins. */
  reset(): void {
    this.#spare.write(this.#image);
    rmSync(this.#shop.state, { recursive: true, force: true });
    mkdirSync(this.#shop.state);
    for (const [name, content] of this.#undo) writeFileSync(join(this.#shop.state, name), content);
  }

  /** A file beside the spare. */
  path(name: string): string {
    return this.#shop.path(name);
  }

  cleanUp(): void {
    this.#shop.cleanUp();
  }

  /** The line to its end. */
  async course(): Promise<Course> {
    const { child, began, changes, ended } = this.#start();
    const code = await ended;
    assert.ok(code === 0 || code === 1, `${this.#victim.name}: ended with ${child.signalCode ?? code}`);
    const [first = 0] = changes;
    return { changes: changes.length, untilFirst: first - began, fromFirst: performance.now() - first };
  }

  /** Runs the line and kills it at that moment; false where it had ended before. */
  async killedAt(moment: Moment): Promise<boolean> {
    const { child, ended } = this.#start((changes, started) => {
      if (changes === moment.change) void delay(moment.delay).then(() => started.kill('SIGKILL'));
    });
    await ended;
    return child.signalCode === 'SIGKILL';
  }

  /** Runs the line under strace, which kills it at its nth call of that name; false where it makes fewer. */
  async killedAtCall(call: Call, nth: number): Promise<boolean> {
    const code = await runKilledAtCall(this.#words(this.#victim.line), this.#shop.env, call, nth);
    // strace ends as its program has ended
    assert.ok(code === null || code === 0 || code === 1, `ended with ${code}`);
    return code === null;
  }

  async recover(): Promise<Ended> {
    const { recovery, line } = this.#victim;
    const again = recovery === 'again' ? await this.#shop.run(this.#words(line)) : undefined;
    if (again !== undefined && again.code !== 0 && again.code !== 1) return again;
    const checked = await fsck([recovery === '-y' ? '-y' : '-p', this.#spare.path], { env: this.#shop.env });
    return again?.code === 1 && checked.code === 0 ? again : checked;
  }

  async #prepare(): Promise<void> {
    const { image, earlier, line } = this.#victim;
    this.#shop.sparse('main.img', MAIN_SECTORS * SECTOR);
    if ([...earlier, line].some((words) => words.includes('DUMP'))) {
      const dumped = this.#shop.put('dumped.img', DUMPED[layoutOf(image)]);
      await this.#done(['dump', dumped, '-o', 'DUMP']);
    }
    this.#spare.write(image);
    for (const words of earlier) await this.#done(words);
    this.#image = this.image;
    this.#undo = new Map(
      this.#undoNames().map((name) => [name, readFileSync(join(this.#shop.state, name))] as const),
    );
    this.reset();
  }

  /** Another line, in which the same words stand for files. */
  run(line: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.#shop.run(this.#words(line), { env });
  }

  async #done(line: readonly string[]): Promise<void> {
    const { code, stderr } = await this.run(line);
    assert.is(code, 0, stderr);
  }

  #words(line: readonly string[]): readonly string[] {
    const files: Readonly<Record<string, string>> = {
      SPARE: this.#spare.path,
      DUMP: this.#shop.path('dump.json'),
      MAIN: this.#shop.path('main.img'),
    };
    return line.map((word) => files[word] ?? word);
  }

  #undoNames(): string[] {
    const names = existsSync(this.#shop.state) ? readdirSync(this.#shop.state) : [];
    return names.filter((name) => name.endsWith('.undo'));
  }

  #start(heard: (changes: number, child: ChildProcess) => void = () => {}): Watched {
    const files = [this.#spare.path, this.#shop.state];
    return startWatched(this.#words(this.#victim.line), files, this.#shop.env, heard);
  }
}
