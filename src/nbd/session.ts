import { Handshake, type HandshakeSettings } from './handshake.js';
import type { HangUp } from './hang-up.js';
import { Inflow } from './inflow.js';
import type { Memory } from './memory.js';
import { Outbox } from './outbox.js';
import { REQUEST } from './protocol.js';
import type { Request } from './request.js';
import { Transmission } from './transmission.js';

/** What a session asks of whoever holds its connection. */
export interface SessionEvents {
  /** Send the outbox, begin TLS with what receive() has left, then call secured(). */
  startTls(): void;
  /** The handshake is over: requests are answered through this. */
  enter(transmission: Transmission): void;
  /** See TransmissionEvents. */
  request(request: Request): void;
  /** Send the outbox, unless nobody is there to take it, and close. Comes once. */
  hangUp(hangUp: HangUp): void;
}

/**
 * One client's session from greeting to end, without a socket: bytes go in by receive(), what is to be sent
 * gathers in the outbox. It takes no more than it can answer: receive() stops when too much is under way or
 * waits to be sent, and goes on when it is called again with the rest.
 */
export class Session {
  readonly outbox: Outbox;
  readonly #events: SessionEvents;
  readonly #inflow = new Inflow(REQUEST.size);
  readonly #handshake: Handshake;
  #transmission: Transmission | undefined;
  #over = false;

  constructor(settings: HandshakeSettings, memory: Memory, events: SessionEvents) {
    this.#events = events;
    this.outbox = new Outbox(memory);
    const hangUp = (why: HangUp) => this.#hangUp(why);
    this.#handshake = new Handshake(settings, this.outbox, {
      startTls: () => events.startTls(),
      hangUp,
      enter: (agreement) => {
        this.#transmission = new Transmission(agreement, this.outbox, memory, {
          request: (request) => events.request(request),
          hangUp,
        });
        events.enter(this.#transmission);
      },
    });
  }

  /**
   * Takes bytes of the client; returns how many. The rest is to be given again once isFull is false, with
   * what follows; after STARTTLS it belongs to TLS. What comes after the end is passed over.
   */
  receive(chunk: Uint8Array): number {
    this.#inflow.feed(chunk);
    while (!this.isFull && (this.#transmission ?? this.#handshake).step(this.#inflow));
    const used = this.#inflow.letGo();
    return this.#over || this.#transmission?.isLeaving === true ? chunk.length : used;
  }

  /** See Transmission. */
  get isFull(): boolean {
    return this.#transmission?.isFull === true;
  }

  /** In transmission, and nothing is under way. */
  get isIdle(): boolean {
    return this.#transmission?.isIdle === true;
  }

  /** The client has begun a message whose end has not come. */
  get isCut(): boolean {
    return this.#inflow.isCut || (this.#transmission ?? this.#handshake).isCut;
  }

  /** TLS stands: receive() takes what it has decrypted. */
  secured(): void {
    this.#handshake.secured();
  }

  /** The time that the server gives for a handshake is over. */
  expire(): void {
    if (this.#transmission === undefined)
      this.#hangUp({ cause: 'limit', text: 'the handshake took too long' });
  }

  /**
   * The server is about to stop: whatever is asked from now on is refused. In transmission it hangs up when
   * all that is under way has been answered.
   */
  shutDown(): void {
    this.#handshake.shutDown();
    this.#transmission?.shutDown({ cause: 'stopped', text: 'the server is shutting down' });
  }

  /** The client's side of the stream has ended and receive() has all of it; answers may still be read. */
  end(): void {
    const text = this.isCut ? 'the stream ended in the midst of a message' : 'the client closed its side';
    if (this.#transmission === undefined) this.#hangUp({ cause: 'ended', text });
    else this.#transmission.leave({ cause: 'ended', text });
  }

  /** The connection is gone, and with it whoever waits for answers. */
  lose(text: string): void {
    this.#hangUp({ cause: 'ended', text });
  }

  #hangUp(why: HangUp): void {
    if (this.#over) return;
    this.#over = true;
    this.#handshake.stop();
    this.#transmission?.stop();
    this.#events.hangUp(why);
  }
}
