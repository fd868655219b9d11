import type { Outbox } from './outbox.js';
import {
  BLOCK_STATUS,
  BLOCK_STATUS_EXTENT,
  CHUNK,
  CHUNK_FLAG,
  CHUNK_MAGIC,
  CHUNK_TYPE,
  ERROR_OFFSET,
  ERROR_PAYLOAD,
  LONGEST_STRING,
  type NbdError,
  OFFSET_DATA,
  OFFSET_HOLE,
  SIMPLE_REPLY,
  SIMPLE_REPLY_MAGIC,
} from './protocol.js';

/** The two halves of the name that the client gave to the request. */
export interface Cookie {
  readonly cookieHigh: number;
  readonly cookieLow: number;
}

/** Why a request, or a part of it, was not carried out. */
export interface Failure {
  readonly error: NbdError;
  /** For the person at the client; without structured replies it is not sent. */
  readonly text: string;
}

/** A run of bytes in one state, as a context describes it. */
export interface Extent {
  /** In bytes, not zero. */
  readonly length: number;
  /** Bits of the context. */
  readonly flags: number;
}

const ENCODER = new TextEncoder();

const TWO_32 = 2 ** 32;

/** @param error 0 for success */
export function putSimpleReply(outbox: Outbox, cookie: Cookie, error: number): void {
  const at = outbox.message(SIMPLE_REPLY.size);
  const { view } = outbox;
  view.setUint32(at + SIMPLE_REPLY.magic, SIMPLE_REPLY_MAGIC);
  view.setUint32(at + SIMPLE_REPLY.error, error);
  view.setUint32(at + SIMPLE_REPLY.cookie, cookie.cookieHigh);
  view.setUint32(at + SIMPLE_REPLY.cookie + 4, cookie.cookieLow);
}

/**
 * Writes the head of a chunk; returns where its payload begins.
 * @param fixed bytes of payload that are written into the message, from there on
 * @param data bytes of payload that follow as data
 */
function putChunkHead(
  outbox: Outbox,
  cookie: Cookie,
  type: number,
  done: boolean,
  fixed: number,
  data = 0,
): number {
  const at = outbox.message(CHUNK.size + fixed);
  const { view } = outbox;
  view.setUint32(at + CHUNK.magic, CHUNK_MAGIC);
  view.setUint16(at + CHUNK.flags, done ? CHUNK_FLAG.DONE : 0);
  view.setUint16(at + CHUNK.type, type);
  view.setUint32(at + CHUNK.cookie, cookie.cookieHigh);
  view.setUint32(at + CHUNK.cookie + 4, cookie.cookieLow);
  view.setUint32(at + CHUNK.length, fixed + data);
  return at + CHUNK.size;
}

/** An offset below 2^53, without the cost of a bigint. */
function putOffset(view: DataView, at: number, offset: number): void {
  view.setUint32(at, Math.floor(offset / TWO_32));
  view.setUint32(at + 4, offset % TWO_32);
}

/** The end of a reply that has no more to say. */
export function putDoneChunk(outbox: Outbox, cookie: Cookie): void {
  putChunkHead(outbox, cookie, CHUNK_TYPE.NONE, true, 0);
}

/** @param data not empty */
export function putDataChunk(
  outbox: Outbox,
  cookie: Cookie,
  done: boolean,
  offset: number,
  data: Uint8Array,
): void {
  const at = putChunkHead(outbox, cookie, CHUNK_TYPE.OFFSET_DATA, done, OFFSET_DATA.size, data.length);
  putOffset(outbox.view, at + OFFSET_DATA.offset, offset);
  outbox.data(data);
}

export function putHoleChunk(
  outbox: Outbox,
  cookie: Cookie,
  done: boolean,
  offset: number,
  length: number,
): void {
  const at = putChunkHead(outbox, cookie, CHUNK_TYPE.OFFSET_HOLE, done, OFFSET_HOLE.size);
  putOffset(outbox.view, at + OFFSET_HOLE.offset, offset);
  outbox.view.setUint32(at + OFFSET_HOLE.holeSize, length);
}

/** An error, and where it lies if an offset is given. */
export function putErrorChunk(
  outbox: Outbox,
  cookie: Cookie,
  done: boolean,
  { error, text }: Failure,
  offset?: number,
): void {
  // a unit of a string takes three bytes at most
  const message = ENCODER.encode(text.slice(0, LONGEST_STRING / 3));
  const type = offset === undefined ? CHUNK_TYPE.ERROR : CHUNK_TYPE.ERROR_OFFSET;
  const fixed = ERROR_PAYLOAD.size + message.length + (offset === undefined ? 0 : ERROR_OFFSET.size);
  const at = putChunkHead(outbox, cookie, type, done, fixed);
  outbox.view.setUint32(at + ERROR_PAYLOAD.error, error);
  outbox.view.setUint16(at + ERROR_PAYLOAD.messageLength, message.length);
  outbox.put(message, at + ERROR_PAYLOAD.size);
  if (offset !== undefined) putOffset(outbox.view, at + fixed - ERROR_OFFSET.size, offset);
}

/** @param extents at least one */
export function putStatusChunk(
  outbox: Outbox,
  cookie: Cookie,
  done: boolean,
  context: number,
  extents: readonly Extent[],
): void {
  const fixed = BLOCK_STATUS.size + extents.length * BLOCK_STATUS_EXTENT.size;
  let at = putChunkHead(outbox, cookie, CHUNK_TYPE.BLOCK_STATUS, done, fixed);
  outbox.view.setUint32(at + BLOCK_STATUS.context, context);
  at += BLOCK_STATUS.size;
  for (const { length, flags } of extents) {
    outbox.view.setUint32(at + BLOCK_STATUS_EXTENT.length, length);
    outbox.view.setUint32(at + BLOCK_STATUS_EXTENT.flags, flags);
    at += BLOCK_STATUS_EXTENT.size;
  }
}
