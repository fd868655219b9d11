import { connect, type Socket } from 'node:net';
import { clientFlags, infoData, join, option, sendOption } from '../support/nbd-bytes.js';
import type { Served } from './served.js';

/** Where a server is found; for a port, by its URI. */
export type Target = Pick<Served, 'address' | 'uri'>;

/** A client that sends what it likes and keeps whatever comes. */
export class RawClient {
  readonly socket: Socket;
  #got: Buffer[] = [];
  #length = 0;
  #isOver = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#got.push(bytes);
      this.#length += bytes.length;
      this.#wake();
    });
    socket.on('error', () => {});
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
  }

  static connect(served: Target): Promise<RawClient> {
    const { address } = served;
    const target =
      address.kind === 'unix'
        ? { path: address.path }
        : { host: address.host, port: Number(new URL(served.uri).port) };
    return new Promise((resolve, reject) => {
      const socket = connect({ ...target, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawClient(socket)));
    });
  }

  /** A client in transmission, with simple replies unless options that it sends before say otherwise. */
  static async attach(served: Target, ...options: Uint8Array[]): Promise<RawClient> {
    const client = await RawClient.connect(served);
    client.send(clientFlags(), ...options, sendOption(option.go, infoData('')));
    const ack = Buffer.from('0003e889045565a9000000070000000100000000', 'hex');
    while (!client.#peek().includes(ack)) await client.#more();
    client.#drop();
    return client;
  }

  send(...bytes: Uint8Array[]): this {
    this.socket.write(join(...bytes));
    return this;
  }

  /** Exactly so many bytes. Throws when the server ends before. */
  async take(count: number): Promise<Buffer> {
    while (this.#length < count) {
      if (this.#isOver) throw new Error(`the server ended after ${this.#length} bytes, not ${count}`);
      await this.#more();
    }
    const all = this.#peek();
    this.#drop();
    this.#got = [all.subarray(count)];
    this.#length = all.length - count;
    return all.subarray(0, count);
  }

  /** All that comes until the server ends. */
  async rest(): Promise<Buffer> {
    while (!this.#isOver) await this.#more();
    const all = this.#peek();
    this.#drop();
    return all;
  }

  close(): void {
    this.socket.destroy();
  }

  #peek(): Buffer {
    return Buffer.concat(this.#got);
  }

  #drop(): void {
    this.#got = [];
    this.#length = 0;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
