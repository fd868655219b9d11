/**
 * Reads what an NBD server sends as a client would that trusts nothing: whatever doc/proto.md of
 * NetworkBlockDevice/nbd does not allow throws.
 */

export interface OptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Buffer;
}

export interface SimpleReply {
  readonly kind: 'simple';
  readonly cookie: bigint;
  readonly error: number;
  readonly data: Buffer;
}

export interface Chunk {
  readonly kind: 'chunk';
  readonly cookie: bigint;
  readonly done: boolean;
  readonly type: number;
  readonly payload: Buffer;
  /** Of an error chunk. */
  readonly error?: number;
  readonly text?: string;
  /** Of a chunk of data, a hole or an error with a place. */
  readonly offset?: bigint;
  /** Of a chunk of data, or as many zeroes as a hole has. */
  readonly data?: Buffer;
}

export type Reply = SimpleReply | Chunk;

class Cursor {
  #at = 0;
  constructor(readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  take(count: number): Buffer {
    if (this.left < count) throw new Error(`${this.left} bytes are left of a stream, not ${count}`);
    this.#at += count;
    return this.bytes.subarray(this.#at - count, this.#at);
  }

  expect(hex: string): void {
    const found = this.take(hex.length / 2).toString('hex');
    if (found !== hex) throw new Error(`${found} where ${hex} has to be`);
  }

  u16 = (): number => this.take(2).readUInt16BE();
  u32 = (): number => this.take(4).readUInt32BE();
  u64 = (): bigint => this.take(8).readBigUInt64BE();
}

/** The greeting of a server that offers fixed newstyle and no zeroes; returns what follows it. */
export function afterGreeting(bytes: Buffer): Buffer {
  const cursor = new Cursor(bytes);
  cursor.expect('4e42444d4147494349484156454f5054');
  cursor.expect('0003');
  return cursor.take(cursor.left);
}

/** Replies to options, to the end of the bytes. */
export function readOptionReplies(bytes: Buffer): OptionReply[] {
  const cursor = new Cursor(bytes);
  const replies: OptionReply[] = [];
  while (cursor.left > 0) {
    cursor.expect('0003e889045565a9');
    const [option, type] = [cursor.u32(), cursor.u32()];
    const data = cursor.take(cursor.u32());
    if (type >= 2 ** 31) readText(data);
    if (type === 1 && data.length > 0) throw new Error('an acknowledgement with data');
    replies.push({ option, type, data });
  }
  return replies;
}

/**
 * Replies to requests, to the end of the bytes.
 * @param readLengths of the reads whose data follows a simple reply, by their cookies
 */
export function readReplies(bytes: Buffer, readLengths: ReadonlyMap<bigint, number> = new Map()): Reply[] {
  const cursor = new Cursor(bytes);
  const replies: Reply[] = [];
  while (cursor.left > 0) {
    const magic = cursor.u32();
    if (magic === 0x67446698) replies.push(readSimple(cursor, readLengths));
    else if (magic === 0x668e33ef) replies.push(readChunk(cursor));
    else throw new Error(`no reply begins with ${magic.toString(16)}`);
  }
  return replies;
}

function readSimple(cursor: Cursor, readLengths: ReadonlyMap<bigint, number>): SimpleReply {
  const [error, cookie] = [cursor.u32(), cursor.u64()];
  const data = cursor.take(error === 0 ? (readLengths.get(cookie) ?? 0) : 0);
  return { kind: 'simple', cookie, error, data };
}

function readChunk(cursor: Cursor): Chunk {
  const flags = cursor.u16();
  if (flags > 1) throw new Error(`flags ${flags} of a chunk`);
  const [type, cookie] = [cursor.u16(), cursor.u64()];
  const payload = cursor.take(cursor.u32());
  const head = { kind: 'chunk', cookie, done: flags === 1, type, payload } as const;
  return { ...head, ...readPayload(type, head.done, new Cursor(payload)) };
}

function readPayload(type: number, done: boolean, cursor: Cursor): Partial<Chunk> {
  switch (type) {
    case 0:
      if (cursor.left > 0 || !done) throw new Error('a chunk NONE with a payload, or not the last');
      return {};
    case 1: {
      const offset = cursor.u64();
      if (cursor.left === 0) throw new Error('a chunk of no data');
      return { offset, data: cursor.take(cursor.left) };
    }
    case 2: {
      const [offset, size] = [cursor.u64(), cursor.u32()];
      if (size === 0 || cursor.left > 0) throw new Error('a hole of no bytes, or more than a hole');
      return { offset, data: Buffer.alloc(size) };
    }
    case 5:
      if (cursor.left < 12 || cursor.left % 8 !== 4) throw new Error('a broken list of extents');
      for (cursor.u32(); cursor.left > 0; cursor.u32())
        if (cursor.u32() === 0) throw new Error('an extent of no bytes');
      return {};
    case 0x8001:
    case 0x8002: {
      const error = cursor.u32();
      if (error === 0) throw new Error('an error chunk without an error');
      const text = readText(cursor.take(cursor.u16()));
      const offset = type === 0x8002 ? { offset: cursor.u64() } : {};
      if (cursor.left > 0) throw new Error('more than an error');
      return { error, text, ...offset };
    }
    default:
      throw new Error(`a chunk of type ${type}`);
  }
}

function readText(bytes: Buffer): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (text.includes('\0') || bytes.length > 4096) throw new Error('a string that is none');
  return text;
}

/** What a structured reply to a read has given: the bytes, and where there are none, undefined. */
export function assembleRead(
  chunks: readonly Reply[],
  offset: bigint,
  length: number,
): { readonly bytes: (number | undefined)[]; readonly failedAt: bigint[] } {
  const bytes: (number | undefined)[] = new Array(length).fill(undefined);
  const failedAt: bigint[] = [];
  for (const part of chunks) {
    if (part.kind === 'simple') throw new Error('a read was answered by a simple reply');
    const at = Number((part.offset ?? offset) - offset);
    if (at < 0 || at >= Math.max(1, length)) throw new Error('a chunk outside the request');
    if (part.error !== undefined) failedAt.push(part.offset ?? offset);
    part.data?.forEach((byte, index) => {
      if (at + index >= length || bytes[at + index] !== undefined) throw new Error('chunks overlap');
      bytes[at + index] = byte;
    });
  }
  if (chunks.filter((part) => part.kind === 'chunk' && part.done).length !== 1)
    throw new Error('not one chunk is the last');
  return { bytes, failedAt };
}
