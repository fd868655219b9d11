import type { Server, Socket } from 'node:net';
import { type Address, listen } from '../server/listen.js';
import type { Controlled } from './controlled.js';
import { LineCutter } from './lines.js';
import { answerTo } from './messages.js';

/** Bytes of a message at most: the path of a device, and some more. */
const LONGEST = 8192;

/** Operators at a time; no more are let in. */
const MOST_OPERATORS = 32;

/** Answers operators: a line for each line, in their order. Different connections do not wait for each other. */
export class ControlServer {
  readonly #controlled: Controlled;
  readonly #listeners: Server[] = [];
  readonly #idle = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  #isStopping = false;

  constructor(controlled: Controlled) {
    this.#controlled = controlled;
  }

  /** See listen(). */
  async listen(address: Address): Promise<void> {
    const visits = {
      client: (socket: Socket) => void this.#admit(socket),
      // whoever was not let in sees it himself
      lost: () => {},
    };
    this.#listeners.push(await listen(address, visits));
  }

  /** Lets nobody in any more, and closes each connection once the message that it is at has been answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const closed = this.#listeners.map(
      (listener) => new Promise<void>((resolve) => listener.close(() => resolve())),
    );
    for (const socket of this.#idle) socket.destroySoon();
    await Promise.all(closed);
  }

  async #admit(socket: Socket): Promise<void> {
    if (this.#idle.size + this.#busy.size >= MOST_OPERATORS) {
      socket.destroy();
      return;
    }
    this.#idle.add(socket);
    try {
      await this.#converse(socket);
    } catch {
      // the operator is gone, and with him whoever would hear of it
    } finally {
      this.#idle.delete(socket);
      socket.destroySoon();
    }
  }

  async #converse(socket: Socket): Promise<void> {
    const cutter = new LineCutter(LONGEST);
    for await (const chunk of socket) {
      const lines = cutter.take(chunk);
      if (lines === undefined) {
        await say(socket, `error a message may be ${LONGEST} bytes long`);
        return;
      }
      for (const line of lines) {
        if (this.#isStopping) return;
        await this.#answer(socket, line);
      }
    }
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    this.#idle.delete(socket);
    this.#busy.add(socket);
    try {
      await say(socket, await answerTo(line, this.#controlled));
    } finally {
      this.#busy.delete(socket);
      this.#idle.add(socket);
      if (this.#isStopping) socket.destroySoon();
    }
  }
}

/** Resolves when the system has taken the line. */
function say(socket: Socket, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}
