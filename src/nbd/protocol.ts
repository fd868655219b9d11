/**
 * Numbers and layouts of the NBD protocol, in the order of its specification: doc/proto.md of
 * NetworkBlockDevice/nbd, whose section names head the parts below. Every number travels in network byte
 * order. Nothing else in this room writes a number of the protocol down.
 */

type Struct<Widths> = { readonly [Name in keyof Widths]: number } & { readonly size: number };

/** Lays fields of these widths (bytes) end to end; gives the offset of each, and the size of the whole. */
function struct<Widths extends Readonly<Record<string, number>>>(widths: Widths): Struct<Widths> {
  const offsets: Record<string, number> = {};
  let size = 0;
  for (const [name, width] of Object.entries(widths)) {
    offsets[name] = size;
    size += width;
  }
  return { ...offsets, size } as Struct<Widths>;
}

// Conventions

/** Bytes of UTF-8 that a string may have at most. */
export const LONGEST_STRING = 4096;

// Newstyle negotiation

export const INIT_PASSWD = 0x4e42_444d_4147_4943n;
export const OPTION_MAGIC = 0x4948_4156_454f_5054n;
export const GREETING = struct({ initPasswd: 8, optionMagic: 8, handshakeFlags: 2 });
export const CLIENT_FLAGS = struct({ flags: 4 });
export const OPTION = struct({ magic: 8, option: 4, length: 4 });
/** The answer to EXPORT_NAME; `zeroes` follow unless the client asked to leave them out. */
export const EXPORT_NAME_REPLY = struct({ exportSize: 8, transmissionFlags: 2 });
export const EXPORT_NAME_ZEROES = 124;

// Fixed newstyle negotiation

export const OPTION_REPLY_MAGIC = 0x0003_e889_0455_65a9n;
export const OPTION_REPLY = struct({ magic: 8, option: 4, type: 4, length: 4 });

// Transmission

export const REQUEST_MAGIC = 0x2560_9513;
export const REQUEST = struct({ magic: 4, flags: 2, command: 2, cookie: 8, offset: 8, length: 4 });
export const SIMPLE_REPLY_MAGIC = 0x6744_6698;
export const SIMPLE_REPLY = struct({ magic: 4, error: 4, cookie: 8 });
export const CHUNK_MAGIC = 0x668e_33ef;
export const CHUNK = struct({ magic: 4, flags: 2, type: 2, cookie: 8, length: 4 });

// Size constraints

export const DEFAULT_MINIMUM_BLOCK = 1;
/** Bytes that every server takes in one request, and that no server may call an attack. */
export const DEFAULT_MAXIMUM_PAYLOAD = 2 ** 25;

// Values: handshake phase

export const HANDSHAKE_FLAG = { FIXED_NEWSTYLE: 1 << 0, NO_ZEROES: 1 << 1 } as const;

export const CLIENT_FLAG = { FIXED_NEWSTYLE: 1 << 0, NO_ZEROES: 1 << 1 } as const;

export const TRANSMISSION_FLAG = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_FUA: 1 << 3,
  ROTATIONAL: 1 << 4,
  SEND_TRIM: 1 << 5,
  SEND_WRITE_ZEROES: 1 << 6,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
  SEND_CACHE: 1 << 10,
  SEND_FAST_ZERO: 1 << 11,
} as const;

export const OPT = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

export const REP = { ACK: 1, SERVER: 2, INFO: 3, META_CONTEXT: 4 } as const;

const REP_ERR = 2 ** 31;

export const REP_ERROR = {
  UNSUP: REP_ERR + 1,
  POLICY: REP_ERR + 2,
  INVALID: REP_ERR + 3,
  TLS_REQD: REP_ERR + 5,
  UNKNOWN: REP_ERR + 6,
  SHUTDOWN: REP_ERR + 7,
  TOO_BIG: REP_ERR + 9,
} as const;

export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;
export const INFO_EXPORT = struct({ type: 2, exportSize: 8, transmissionFlags: 2 });
export const INFO_TEXT = struct({ type: 2 });
export const INFO_BLOCK_SIZE = struct({ type: 2, minimum: 4, preferred: 4, maximumPayload: 4 });

// Values: transmission phase

export const COMMAND_FLAG = {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
} as const;

export const CHUNK_FLAG = { DONE: 1 << 0 } as const;

const ERROR_CHUNK = 2 ** 15;

export const CHUNK_TYPE = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: ERROR_CHUNK + 1,
  ERROR_OFFSET: ERROR_CHUNK + 2,
} as const;

/** Payloads of chunks, as far as their length is fixed. */
export const OFFSET_DATA = struct({ offset: 8 });
export const OFFSET_HOLE = struct({ offset: 8, holeSize: 4 });
export const BLOCK_STATUS = struct({ context: 4 });
export const BLOCK_STATUS_EXTENT = struct({ length: 4, flags: 4 });
/** The message follows, and in an ERROR_OFFSET chunk the offset after it. */
export const ERROR_PAYLOAD = struct({ error: 4, messageLength: 2 });
export const ERROR_OFFSET = struct({ offset: 8 });

export const COMMAND = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export const ERROR = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

export type NbdError = (typeof ERROR)[keyof typeof ERROR];
