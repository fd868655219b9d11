import { ask } from '../../src/control/client.js';
import { SECTOR } from '../support/format-numbers.js';
import type { Random } from '../support/random.js';
import type { Ledger } from './ledger.js';
import { type Answer, PipelinedClient } from './pipelined-client.js';

/** Clients, and requests that each has under way. */
const [CLIENTS, DEPTH] = [2, 8];
/** Messages that are under way. */
const MESSAGES = 2;
/** Of a request, and of a message, in sectors. */
const [LONGEST, LONGEST_MOVE] = [8, 3];

/** What was asked of a server, and what is known from its answers. */
export interface Books {
  readonly ledger: Ledger;
  /** Of each sector that is moved by messages, whether it is remapped; undefined where it may be either. */
  readonly remapped: Map<number, boolean | undefined>;
  /** Of the last save that was answered. */
  generation: number;
}

/** Requests and messages, one after the other and many at a time, until the server is gone. */
export class Load {
  /** Answers that ought not to be. */
  readonly wrong: string[] = [];
  readonly #books: Books;
  readonly #control: string;
  readonly #random: Random;
  readonly #heard: (what: 'reply' | 'message') => void;
  /** Sectors that a request is using; those that a message is moving. */
  readonly #used = new Set<number>();
  readonly #moving = new Set<number>();
  #clients: readonly PipelinedClient[] = [];
  #messages = 0;

  /** @param heard is called at each reply, and when a message was sent */
  constructor(books: Books, control: string, random: Random, heard: (what: 'reply' | 'message') => void) {
    this.#books = books;
    this.#control = control;
    this.#random = random;
    this.#heard = heard;
  }

  get underWay(): { readonly requests: number; readonly messages: number } {
    return {
      requests: this.#clients.reduce((sum, { underWay }) => sum + underWay, 0),
      messages: this.#messages,
    };
  }

  async attach(path: string): Promise<void> {
    this.#clients = await Promise.all(Array.from({ length: CLIENTS }, () => PipelinedClient.attach(path)));
  }

  /** Resolves when the server is gone. */
  async run(): Promise<void> {
    const requests = this.#clients.flatMap((client) => repeated(DEPTH, () => this.#request(client)));
    const messages = repeated(MESSAGES, () => this.#message());
    await Promise.all([...requests, ...messages, ...this.#clients.map(({ over }) => over)]);
  }

  /** False once the server is gone. */
  async #request(client: PipelinedClient): Promise<boolean> {
    const run = this.#random.chance(0.15) ? undefined : this.#freeRun(this.#used, LONGEST, () => true);
    const answer = await (run === undefined
      ? this.#flush(client)
      : using(this.#used, run, () =>
          this.#random.chance(0.2) ? this.#read(client, run) : this.#write(client, run),
        ));
    if (answer === undefined) return false;
    if (answer.error !== 0)
      this.wrong.push(`a request at ${run?.[0]} is answered with error ${answer.error}`);
    this.#heard('reply');
    return true;
  }

  async #flush(client: PipelinedClient): Promise<Answer | undefined> {
    const { ledger } = this.#books;
    const { covered } = ledger;
    const answer = await client.flush();
    if (answer?.error === 0) ledger.flushed(0, covered);
    return answer;
  }

  async #read(client: PipelinedClient, run: readonly number[]): Promise<Answer | undefined> {
    const [first = 0] = run;
    const answer = await client.read(first * SECTOR, run.length * SECTOR);
    if (answer?.error === 0 && !answer.data.equals(this.#books.ledger.shown(first, run.length)))
      this.wrong.push(`a read of ${run.length} sectors from ${first} on does not show what was written last`);
    return answer;
  }

  async #write(client: PipelinedClient, run: readonly number[]): Promise<Answer | undefined> {
    const { ledger } = this.#books;
    const [first = 0] = run;
    const [fua, isZero] = [this.#random.chance(0.2), this.#random.chance(0.15)];
    const version = ledger.begin(first, run.length, isZero);
    const versions = run.map(() => version);
    const answer = await (isZero
      ? client.writeZeroes(first * SECTOR, run.length * SECTOR, fua)
      : client.write(first * SECTOR, ledger.bytes(first, versions), fua));
    if (answer?.error !== 0) return answer;
    ledger.acknowledge(first, run.length, version);
    if (fua) ledger.flushed(first, versions);
    return answer;
  }

  async #message(): Promise<boolean> {
    const run = this.#random.chance(0.2)
      ? undefined
      : this.#freeRun(this.#moving, LONGEST_MOVE, this.#isAsFirst);
    const answer = await (run === undefined ? this.#save() : using(this.#moving, run, () => this.#move(run)));
    if (answer?.startsWith('error') === true) this.wrong.push(`a message at ${run?.[0]}: ${answer}`);
    return answer !== undefined;
  }

  async #save(): Promise<string | undefined> {
    const answer = await this.#ask('save');
    const generation = Number(/^ok generation (\d+)$/.exec(answer ?? '')?.[1] ?? 0);
    this.#books.generation = Math.max(this.#books.generation, generation);
    return answer;
  }

  /** Remaps sectors that are on main, or moves those back that are not. */
  async #move(run: readonly number[]): Promise<string | undefined> {
    const { remapped } = this.#books;
    const [first = 0] = run;
    const isBack = remapped.get(first) === true;
    for (const sector of run) remapped.set(sector, undefined);
    const answer = await this.#ask(`${isBack ? 'unremap' : 'remap'} ${first}+${run.length}`);
    if (answer?.startsWith('ok') === true) for (const sector of run) remapped.set(sector, !isBack);
    return answer;
  }

  /** Undefined where the server is gone before it has answered. */
  async #ask(message: string): Promise<string | undefined> {
    this.#messages++;
    try {
      const answer = ask(this.#control, message);
      this.#heard('message');
      return await answer;
    } catch {
      return undefined;
    } finally {
      this.#messages--;
    }
  }

  readonly #isAsFirst = (sector: number, first: number): boolean => {
    const { remapped } = this.#books;
    return remapped.get(sector) !== undefined && remapped.get(sector) === remapped.get(first);
  };

  /** Some sectors in a row that are free; undefined where none were found. */
  #freeRun(
    taken: ReadonlySet<number>,
    longest: number,
    fits: (sector: number, first: number) => boolean,
  ): number[] | undefined {
    const length = this.#random.between(1, longest);
    const first = this.#random.below(this.#books.ledger.sectors - length);
    const run = Array.from({ length }, (_, index) => first + index);
    return run.every((sector) => !taken.has(sector) && fits(sector, first)) ? run : undefined;
  }
}

function repeated(times: number, work: () => Promise<boolean>): Promise<void>[] {
  return Array.from({ length: times }, async () => {
    while (await work());
  });
}

async function using<T>(taken: Set<number>, run: readonly number[], work: () => Promise<T>): Promise<T> {
  for (const sector of run) taken.add(sector);
  try {
    return await work();
  } finally {
    for (const sector of run) taken.delete(sector);
  }
}
