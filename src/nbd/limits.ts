/** How much of the server one client may hold; each is named in the answer that it brings about. */

/** Bytes of an option's data that are read; more are skipped, and the option is refused. */
export const LONGEST_OPTION = 16 << 10;

/** Bytes of an option's data that are skipped; beyond, the client means harm. */
export const LONGEST_SKIP = 2 ** 25;

/** Options in one handshake. */
export const MOST_OPTIONS = 1024;

/** Requests of one connection that are carried out at a time. */
export const MOST_REQUESTS = 128;

/**
 * Bytes that the requests of one connection may hold. A connection that holds so many is not read from, so it
 * holds this and one payload at most.
 */
export const MOST_BYTES = 2 ** 25;

/** Bytes of replies that may wait to be sent before the next request is read. */
export const MOST_WAITING = 2 ** 18;

/** Extents in one chunk of a block status; the client asks again for the rest. */
export const MOST_EXTENTS = 2 ** 16;
