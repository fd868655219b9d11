import { RawClient } from '../server/raw-client.js';
import { command, flag, type RequestFields, sendRequest } from '../support/nbd-bytes.js';

/** What a request was answered with. */
export interface Answer {
  readonly error: number;
  readonly data: Buffer;
}

interface Waiting {
  readonly length: number;
  readonly settle: (answer: Answer | undefined) => void;
}

/** A client with many requests under way, until its server is gone. */
export class PipelinedClient {
  /** Resolves when the server is gone and all that it has answered was told. */
  readonly over: Promise<void>;
  readonly #raw: RawClient;
  readonly #waiting = new Map<bigint, Waiting>();
  #last = 0n;
  #isOver = false;

  static async attach(path: string): Promise<PipelinedClient> {
    return new PipelinedClient(await RawClient.attach({ address: { kind: 'unix', path }, uri: '' }));
  }

  private constructor(raw: RawClient) {
    this.#raw = raw;
    this.over = this.#listen();
  }

  get underWay(): number {
    return this.#waiting.size;
  }

  read(offset: number, length: number): Promise<Answer | undefined> {
    return this.#ask({ type: command.read, offset, length }, length);
  }

  write(offset: number, data: Uint8Array, fua: boolean): Promise<Answer | undefined> {
    return this.#ask({ type: command.write, flags: fua ? flag.fua : 0, offset, data });
  }

  writeZeroes(offset: number, length: number, fua: boolean): Promise<Answer | undefined> {
    return this.#ask({ type: command.writeZeroes, flags: fua ? flag.fua : 0, offset, length });
  }

  flush(): Promise<Answer | undefined> {
    return this.#ask({ type: command.flush });
  }

  close(): void {
    this.#raw.close();
  }

  /** Undefined where the server is gone before it has answered. */
  #ask(fields: RequestFields, length = 0): Promise<Answer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const cookie = ++this.#last;
    this.#raw.send(sendRequest({ ...fields, cookie }));
    return new Promise((settle) => this.#waiting.set(cookie, { length, settle }));
  }

  async #listen(): Promise<void> {
    try {
      for (;;) await this.#takeOne();
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('the server ended'))) throw error;
    } finally {
      this.#isOver = true;
      this.#raw.close();
      for (const { settle } of this.#waiting.values()) settle(undefined);
    }
  }

  async #takeOne(): Promise<void> {
    const head = await this.#raw.take(16);
    const [magic, error, cookie] = [head.readUInt32BE(0), head.readUInt32BE(4), head.readBigUInt64BE(8)];
    const waiting = this.#waiting.get(cookie);
    if (magic !== 0x67446698 || waiting === undefined) throw new Error(`no reply: ${head.toString('hex')}`);
    const data = error === 0 ? await this.#raw.take(waiting.length) : Buffer.alloc(0);
    this.#waiting.delete(cookie);
    waiting.settle({ error, data });
  }
}
