import type { Outbox } from './outbox.js';
import { COMMAND_FLAG } from './protocol.js';
import { type Failure, putDataChunk, putErrorChunk, putHoleChunk, putSimpleReply } from './reply-codec.js';
import type { Request } from './request.js';

/** A part of a read that is not data: it reads as zero, or could not be read. */
export interface Gap {
  /** From the start of the request, in bytes. */
  readonly at: number;
  /** In bytes, not zero. */
  readonly length: number;
  /** Undefined for a hole. */
  readonly failure?: Failure;
}

/** A gap that could not be read. */
type Lack = Gap & { readonly failure: Failure };

/**
 * Answers a READ.
 * @param data all that was asked for; zero in the gaps
 * @param gaps in ascending order, without overlap
 */
export function putRead(
  outbox: Outbox,
  request: Request,
  data: Uint8Array,
  gaps: readonly Gap[],
  structured: boolean,
): void {
  if (!structured) putSimpleRead(outbox, request, data, gaps);
  else if (request.has(COMMAND_FLAG.DF)) putUnfragmentedRead(outbox, request, data, gaps);
  else putChunks(outbox, request, data, gaps, data.length);
}

/** All of the data or the first error: there is no way to say more. */
function putSimpleRead(outbox: Outbox, request: Request, data: Uint8Array, gaps: readonly Gap[]): void {
  const error = gaps.find(isLack)?.failure.error ?? 0;
  putSimpleReply(outbox, request, error);
  if (error === 0) outbox.data(data);
}

/** At most one chunk of content: all of it, or what lies before the first error. */
function putUnfragmentedRead(outbox: Outbox, request: Request, data: Uint8Array, gaps: readonly Gap[]): void {
  const [first] = gaps;
  const lack = gaps.find(isLack);
  if (lack !== undefined) putChunks(outbox, request, data, [lack], lack.at + lack.length);
  else putChunks(outbox, request, data, first?.length === data.length ? [first] : [], data.length);
}

/** What lies between the gaps as data, each hole, and each lack as an error that names its first byte. */
function putChunks(
  outbox: Outbox,
  request: Request,
  data: Uint8Array,
  gaps: readonly Gap[],
  end: number,
): void {
  let at = 0;
  for (const gap of gaps) {
    if (gap.at > at) putDataChunk(outbox, request, false, request.offset + at, data.subarray(at, gap.at));
    at = gap.at + gap.length;
    putGap(outbox, request, at === end, gap);
  }
  if (at < end) putDataChunk(outbox, request, true, request.offset + at, at === 0 ? data : data.subarray(at));
}

function putGap(outbox: Outbox, request: Request, done: boolean, gap: Gap): void {
  const offset = request.offset + gap.at;
  if (isLack(gap)) putErrorChunk(outbox, request, done, gap.failure, offset);
  else putHoleChunk(outbox, request, done, offset, gap.length);
}

function isLack(gap: Gap): gap is Lack {
  return gap.failure !== undefined;
}
