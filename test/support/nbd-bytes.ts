/**
 * The bytes of NBD messages, put together field by field from doc/proto.md of NetworkBlockDevice/nbd: what
 * clients send, and what a server has to answer.
 */

export const option = {
  exportName: 1,
  abort: 2,
  list: 3,
  peekExport: 4,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
  extendedHeaders: 11,
} as const;

export const reply = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  shutdown: 0x80000007,
  tooBig: 0x80000009,
} as const;

export const command = {
  read: 0,
  write: 1,
  disc: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
  resize: 8,
} as const;

export const flag = { fua: 1, noHole: 2, df: 4, reqOne: 8, fastZero: 16, payloadLength: 32 } as const;

export const error = {
  perm: 1,
  io: 5,
  nomem: 12,
  inval: 22,
  nospc: 28,
  overflow: 75,
  notsup: 95,
  shutdown: 108,
} as const;

export const chunkType = {
  none: 0,
  data: 1,
  hole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A string after its length in 32 bits. */
export function counted(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([u32(bytes.length), bytes]);
}

export function join(...parts: (Uint8Array | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

// What a client sends

export function clientFlags(flags = 3): Buffer {
  return u32(flags);
}

export function sendOption(code: number, data: Uint8Array | string = ''): Buffer {
  return optionHead(code, Buffer.from(data as string).length, data);
}

/** An option whose header announces a length of its own. */
export function optionHead(code: number, length: number, data: Uint8Array | string = ''): Buffer {
  return join('IHAVEOPT', u32(code), u32(length), data);
}

/** The data of INFO and GO. */
export function infoData(name: string | Uint8Array, ...wanted: number[]): Buffer {
  return join(counted(name), u16(wanted.length), ...wanted.map(u16));
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function contextData(name: string, ...queries: (string | Uint8Array)[]): Buffer {
  return join(counted(name), u32(queries.length), ...queries.map(counted));
}

export interface RequestFields {
  readonly type: number;
  readonly flags?: number;
  readonly cookie?: bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly data?: Uint8Array;
  readonly magic?: number;
}

export function sendRequest(fields: RequestFields): Buffer {
  return join(
    u32(fields.magic ?? 0x25609513),
    u16(fields.flags ?? 0),
    u16(fields.type),
    u64(fields.cookie ?? 0x0102030405060708n),
    u64(fields.offset ?? 0),
    u32(fields.length ?? fields.data?.length ?? 0),
    fields.data ?? '',
  );
}

// What a server answers

export function greeting(): Buffer {
  return join('NBDMAGIC', 'IHAVEOPT', u16(3));
}

export function optionReply(code: number, type: number, data: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(data as string);
  return join(Buffer.from('0003e889045565a9', 'hex'), u32(code), u32(type), u32(bytes.length), bytes);
}

export function simpleReply(cookie: bigint, errorCode = 0, data: Uint8Array | string = ''): Buffer {
  return join(u32(0x67446698), u32(errorCode), u64(cookie), data);
}

export function chunk(
  cookie: bigint,
  type: number,
  payload: Uint8Array | string = '',
  done: boolean = true,
): Buffer {
  const bytes = Buffer.from(payload as string);
  return join(u32(0x668e33ef), u16(done ? 1 : 0), u16(type), u64(cookie), u32(bytes.length), bytes);
}
