import type { Inflow } from './inflow.js';
import type { Memory } from './memory.js';
import { REQUEST } from './protocol.js';

const TWO_32 = 2 ** 32;

/** The head of a request as it came, read into one object that is used again for the next. */
export class RequestHead {
  magic = 0;
  flags = 0;
  command = 0;
  /** The client's name for the request, opaque, in two halves. */
  cookieHigh = 0;
  cookieLow = 0;
  /** In bytes. Rounded beyond 2^53, where no export reaches. */
  offset = 0;
  /** In bytes. */
  length = 0;
  #offsetHigh = 0;
  #offsetLow = 0;

  read({ view, at }: Inflow): void {
    this.magic = view.getUint32(at + REQUEST.magic);
    this.flags = view.getUint16(at + REQUEST.flags);
    this.command = view.getUint16(at + REQUEST.command);
    this.cookieHigh = view.getUint32(at + REQUEST.cookie);
    this.cookieLow = view.getUint32(at + REQUEST.cookie + 4);
    this.#offsetHigh = view.getUint32(at + REQUEST.offset);
    this.#offsetLow = view.getUint32(at + REQUEST.offset + 4);
    this.offset = this.#offsetHigh * TWO_32 + this.#offsetLow;
    this.length = view.getUint32(at + REQUEST.length);
  }

  /** The offset to its last bit, for messages. */
  get exactOffset(): bigint {
    return (BigInt(this.#offsetHigh) << 32n) | BigInt(this.#offsetLow);
  }
}

/** A request that keeps every rule, to be carried out and answered once. */
export class Request {
  /** One of COMMAND, but for DISC. */
  readonly command: number;
  /** Bits of COMMAND_FLAG that are valid for the command. */
  readonly flags: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** In bytes; with the length it lies within the export. */
  readonly offset: number;
  /** In bytes; not zero but for FLUSH. */
  readonly length: number;
  #payload: Uint8Array;
  #isPassing: boolean;

  /** @param isPassing the payload lies in memory that is gone when the request has been handed over */
  constructor(head: RequestHead, payload: Uint8Array, isPassing: boolean) {
    this.command = head.command;
    this.flags = head.flags;
    this.cookieHigh = head.cookieHigh;
    this.cookieLow = head.cookieLow;
    this.offset = head.offset;
    this.length = head.length;
    this.#payload = payload;
    this.#isPassing = isPassing;
  }

  /** What is to be written; empty unless the command is WRITE. Whoever needs it for longer calls keep() first. */
  get payload(): Uint8Array {
    return this.#payload;
  }

  /** From now on the payload stays until the request is answered. */
  keep(memory: Memory): void {
    if (!this.#isPassing) return;
    const own = memory.take(this.#payload.length);
    own.set(this.#payload);
    this.#payload = own;
    this.#isPassing = false;
  }

  /** Gives back what the payload has of the memory. */
  release(memory: Memory): void {
    if (!this.#isPassing && this.#payload.length > 0) memory.giveBack(this.#payload);
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}
