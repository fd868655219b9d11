import type { MetaContext } from './contexts.js';
import type { Agreement } from './export.js';
import type { HangUp } from './hang-up.js';
import type { Inflow } from './inflow.js';
import { MOST_BYTES, MOST_REQUESTS, MOST_WAITING } from './limits.js';
import type { Memory } from './memory.js';
import type { Outbox } from './outbox.js';
import { COMMAND, ERROR, REQUEST, REQUEST_MAGIC } from './protocol.js';
import { type Gap, putRead } from './read-reply.js';
import {
  type Cookie,
  type Extent,
  type Failure,
  putDoneChunk,
  putErrorChunk,
  putSimpleReply,
} from './reply-codec.js';
import { Request, RequestHead } from './request.js';
import { bytesHeld, refusalOf } from './rules.js';
import { putStatus } from './status-reply.js';

export interface TransmissionEvents {
  /**
   * Carry this out and answer it with one of the methods below, now or later, in any order. Its payload is
   * there until this returns; for longer where it is kept.
   */
  request(request: Request): void;
  hangUp(hangUp: HangUp): void;
}

const NO_PAYLOAD: Uint8Array = new Uint8Array(0);

const SHUTTING_DOWN: Failure = { error: ERROR.ESHUTDOWN, text: 'the server is shutting down' };

type Awaited = 'request' | 'payload' | 'unwanted payload' | 'answers' | 'nothing';

/**
 * The server's side of transmission: whole requests that keep the rules come out, their answers go in. What
 * breaks a rule is answered here; a stream that has lost its order is hung up.
 */
export class Transmission {
  readonly agreement: Agreement;
  readonly #outbox: Outbox;
  readonly #memory: Memory;
  readonly #events: TransmissionEvents;
  readonly #head = new RequestHead();
  #awaited: Awaited = 'request';
  #shuttingDown = false;
  /** What a WRITE carries, and how much of it is still to come. */
  #payload: Uint8Array = NO_PAYLOAD;
  #missing = 0;
  /** The answer to a WRITE whose payload is passed over; undefined for success. */
  #verdict: Failure | undefined;
  /** Requests that have not been answered, and the bytes that they hold. */
  #requests = 0;
  #bytes = 0;
  /** Why the session ends once they are. */
  #leaving: HangUp | undefined;

  constructor(agreement: Agreement, outbox: Outbox, memory: Memory, events: TransmissionEvents) {
    this.agreement = agreement;
    this.#outbox = outbox;
    this.#memory = memory;
    this.#events = events;
  }

  /** Takes one piece of the stream; false when it needs more bytes, or none at all. */
  step(inflow: Inflow): boolean {
    switch (this.#awaited) {
      case 'request':
        return inflow.take(REQUEST.size) && this.#readRequest(inflow);
      case 'payload':
        return this.#readPayload(inflow);
      case 'unwanted payload':
        return this.#passPayload(inflow);
      case 'answers':
      case 'nothing':
        return false;
    }
  }

  /** So much is under way that no further request is read until some of it has been answered. */
  get isFull(): boolean {
    if (this.#awaited !== 'request') return false;
    const tight = this.#requests >= MOST_REQUESTS || this.#bytes >= MOST_BYTES || this.#memory.isTight;
    return tight || this.#outbox.size >= MOST_WAITING;
  }

  /** All requests have been answered. */
  get isIdle(): boolean {
    return this.#requests === 0;
  }

  /** The payload of a request has not come to its end. */
  get isCut(): boolean {
    return this.#missing > 0;
  }

  /** Every request from now on is refused; hangs up when those under way have been answered. */
  shutDown(hangUp: HangUp): void {
    this.#shuttingDown = true;
    this.#leaving ??= hangUp;
    this.#leaveWhenDone();
  }

  /** Nothing that the client sends counts any more. */
  get isLeaving(): boolean {
    return this.#awaited === 'answers' || this.#awaited === 'nothing';
  }

  /** The client sends nothing more: hangs up when all that is under way has been answered. */
  leave(hangUp: HangUp): void {
    if (this.isLeaving) return;
    this.#awaited = 'answers';
    this.#leaving ??= hangUp;
    this.#leaveWhenDone();
  }

  /** Nothing is read or answered from here on. */
  stop(): void {
    this.#awaited = 'nothing';
    this.#dropPayload();
  }

  /** Answers every command but READ and BLOCK_STATUS with success. */
  succeed(request: Request): void {
    if (this.#answers()) putSimpleReply(this.#outbox, request, 0);
    this.#finish(request);
  }

  /** @param offset of the byte at which it failed, within the request; undefined where none can be named */
  fail(request: Request, failure: Failure, offset?: number): void {
    if (this.#answers()) this.#putFailure(request, failure, offset);
    this.#finish(request);
  }

  /**
   * Answers a READ, in part or in whole.
   * @param data from the memory, as long as the request, with zeroes in its gaps; given back once it is sent
   * @param gaps holes and what could not be read, in ascending order, without overlap
   */
  finishRead(request: Request, data: Uint8Array, gaps: readonly Gap[] = []): void {
    if (this.#answers()) {
      putRead(this.#outbox, request, data, gaps, this.agreement.structuredReplies);
      this.#outbox.release(data);
    } else this.#memory.giveBack(data);
    this.#finish(request);
  }

  /** Answers a BLOCK_STATUS; `extents` gives those of a context from the request's offset on. */
  finishStatus(request: Request, extents: (context: MetaContext) => readonly Extent[]): void {
    if (this.#answers()) putStatus(this.#outbox, request, this.agreement.contexts, extents);
    this.#finish(request);
  }

  #readRequest(inflow: Inflow): boolean {
    const head = this.#head;
    head.read(inflow);
    if (head.magic !== REQUEST_MAGIC)
      return this.#hangUp({ cause: 'violation', text: 'a request does not begin with its magic number' });
    if (head.command === COMMAND.DISC) {
      this.leave({ cause: 'asked', text: 'the client disconnected' });
      return false;
    }
    const failure = this.#shuttingDown ? SHUTTING_DOWN : refusalOf(head, this.agreement);
    const accepted = failure === undefined && (head.length > 0 || head.command === COMMAND.FLUSH);
    if (head.command === COMMAND.WRITE) this.#awaitPayload(accepted, failure);
    else if (accepted) this.#emit(NO_PAYLOAD, false);
    else this.#answer(failure);
    return true;
  }

  /** @param wanted else it is passed over, and then the verdict is the answer */
  #awaitPayload(wanted: boolean, verdict: Failure | undefined): void {
    this.#verdict = verdict;
    this.#missing = this.#head.length;
    this.#awaited = wanted ? 'payload' : 'unwanted payload';
  }

  #readPayload(inflow: Inflow): boolean {
    if (inflow.isEmpty) return false;
    const inPlace = this.#payload.length === 0 ? inflow.takeInPlace(this.#missing) : undefined;
    if (inPlace === undefined && !this.#gatherPayload(inflow)) return false;
    const payload = inPlace ?? this.#payload;
    this.#payload = NO_PAYLOAD;
    this.#missing = 0;
    this.#awaited = 'request';
    this.#emit(payload, inPlace !== undefined);
    return true;
  }

  /** Copies what there is of a payload to memory of its own; false while some of it is to come. */
  #gatherPayload(inflow: Inflow): boolean {
    if (this.#payload.length === 0) this.#payload = this.#memory.take(this.#missing);
    this.#missing -= inflow.copy(this.#payload.subarray(this.#payload.length - this.#missing));
    return this.#missing === 0;
  }

  /** What came of a WRITE that will not be whole any more. */
  #dropPayload(): void {
    if (this.#payload.length > 0) this.#memory.giveBack(this.#payload);
    this.#payload = NO_PAYLOAD;
  }

  #passPayload(inflow: Inflow): boolean {
    this.#missing -= inflow.skip(this.#missing);
    if (this.#missing > 0) return false;
    this.#awaited = 'request';
    this.#answer(this.#verdict);
    return true;
  }

  #emit(payload: Uint8Array, isPassing: boolean): void {
    const request = new Request(this.#head, payload, isPassing);
    this.#requests++;
    this.#bytes += bytesHeld(request.command, request.length);
    this.#events.request(request);
  }

  /** Answers the request just read, which is refused or asks for nothing. */
  #answer(failure: Failure | undefined): void {
    const empty = this.#head.command === COMMAND.READ && this.agreement.structuredReplies;
    if (failure !== undefined) this.#putFailure(this.#head, failure);
    else if (empty) putDoneChunk(this.#outbox, this.#head);
    else putSimpleReply(this.#outbox, this.#head, 0);
  }

  #putFailure(cookie: Cookie, failure: Failure, offset?: number): void {
    if (this.agreement.structuredReplies) putErrorChunk(this.#outbox, cookie, true, failure, offset);
    else putSimpleReply(this.#outbox, cookie, failure.error);
  }

  /** There is still somebody to be answered. */
  #answers(): boolean {
    return this.#awaited !== 'nothing';
  }

  #finish(request: Request): void {
    request.release(this.#memory);
    this.#requests--;
    this.#bytes -= bytesHeld(request.command, request.length);
    this.#leaveWhenDone();
  }

  #leaveWhenDone(): void {
    if (this.#awaited !== 'nothing' && this.#leaving !== undefined && this.#requests === 0)
      this.#hangUp(this.#leaving);
  }

  #hangUp(hangUp: HangUp): false {
    this.#awaited = 'nothing';
    this.#events.hangUp(hangUp);
    return false;
  }
}
