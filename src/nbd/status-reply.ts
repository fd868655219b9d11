import type { MetaContext } from './contexts.js';
import { MOST_EXTENTS } from './limits.js';
import type { Outbox } from './outbox.js';
import { COMMAND_FLAG } from './protocol.js';
import { type Extent, putStatusChunk } from './reply-codec.js';
import type { Request } from './request.js';

/**
 * Answers a BLOCK_STATUS with a chunk for each context.
 * @param extents for each context those from the request's offset on: they may end before the request or
 * after it, and where there are none nothing is known
 */
export function putStatus(
  outbox: Outbox,
  request: Request,
  contexts: readonly MetaContext[],
  extents: (context: MetaContext) => readonly Extent[],
): void {
  const most = request.has(COMMAND_FLAG.REQ_ONE) ? 1 : MOST_EXTENTS;
  contexts.forEach((context, index) => {
    const shown = joinedWithin(extents(context), request.length, most);
    putStatusChunk(outbox, request, index === contexts.length - 1, context.id, shown);
  });
}

/** Joins neighbours in the same state and cuts off what lies beyond the length. */
function joinedWithin(extents: readonly Extent[], length: number, most: number): Extent[] {
  const joined: { length: number; flags: number }[] = [];
  let left = length;
  for (const extent of extents) {
    if (left === 0) break;
    const part = Math.min(extent.length, left);
    const last = joined.at(-1);
    if (last?.flags === extent.flags) last.length += part;
    else if (joined.length === most) break;
    else joined.push({ length: part, flags: extent.flags });
    left -= part;
  }
  return joined.length > 0 ? joined : [{ length, flags: 0 }];
}
