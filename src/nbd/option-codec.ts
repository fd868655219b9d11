import { contextName, type MetaContext } from './contexts.js';
import { type Agreement, type Export, transmissionFlags } from './export.js';
import type { Outbox } from './outbox.js';
import {
  DEFAULT_MAXIMUM_PAYLOAD,
  DEFAULT_MINIMUM_BLOCK,
  EXPORT_NAME_REPLY,
  EXPORT_NAME_ZEROES,
  GREETING,
  HANDSHAKE_FLAG,
  INFO,
  INFO_BLOCK_SIZE,
  INFO_EXPORT,
  INFO_TEXT,
  INIT_PASSWD,
  LONGEST_STRING,
  OPTION_MAGIC,
  OPTION_REPLY,
  OPTION_REPLY_MAGIC,
  REP,
} from './protocol.js';

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A string as the protocol allows it (“Conventions”); undefined for anything else. */
export function decodeString(bytes: Uint8Array): string | undefined {
  if (bytes.length > LONGEST_STRING || bytes.includes(0)) return undefined;
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads the fields of an option's data in turn. From the first that does not fit on, nothing is sound. */
class DataReader {
  sound = true;
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  u16(): number {
    return this.#has(2) ? this.#view.getUint16(this.#at - 2) : 0;
  }

  u32(): number {
    return this.#has(4) ? this.#view.getUint32(this.#at - 4) : 0;
  }

  /** A string after its length in 32 bits. */
  string(): string {
    const length = this.u32();
    const text = this.#has(length)
      ? decodeString(this.#data.subarray(this.#at - length, this.#at))
      : undefined;
    this.sound &&= text !== undefined;
    return text ?? '';
  }

  /** Every field fitted and nothing is left. */
  get isWhole(): boolean {
    return this.sound && this.#at === this.#data.length;
  }

  /** Passes over so many bytes if they are there. */
  #has(count: number): boolean {
    this.sound &&= this.#data.length - this.#at >= count;
    if (this.sound) this.#at += count;
    return this.sound;
  }
}

export interface InfoRequest {
  readonly name: string;
  /** Information types, known ones or not. */
  readonly wanted: readonly number[];
}

/** The data of INFO and GO; undefined if it is malformed. */
export function parseInfoRequest(data: Uint8Array): InfoRequest | undefined {
  const reader = new DataReader(data);
  const name = reader.string();
  const wanted: number[] = [];
  for (let left = reader.u16(); left > 0 && reader.sound; left--) wanted.push(reader.u16());
  return reader.isWhole ? { name, wanted } : undefined;
}

export interface ContextRequest {
  readonly exportName: string;
  readonly queries: readonly string[];
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT; undefined if it is malformed. */
export function parseContextRequest(data: Uint8Array): ContextRequest | undefined {
  const reader = new DataReader(data);
  const exportName = reader.string();
  const queries: string[] = [];
  for (let left = reader.u32(); left > 0 && reader.sound; left--) queries.push(reader.string());
  return reader.isWhole ? { exportName, queries } : undefined;
}

export function putGreeting(outbox: Outbox): void {
  const at = outbox.message(GREETING.size);
  outbox.view.setBigUint64(at + GREETING.initPasswd, INIT_PASSWD);
  outbox.view.setBigUint64(at + GREETING.optionMagic, OPTION_MAGIC);
  const flags = HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES;
  outbox.view.setUint16(at + GREETING.handshakeFlags, flags);
}

/** The end of a handshake by EXPORT_NAME. */
export function putExportNameReply(outbox: Outbox, exported: Export, flags: number, zeroes: boolean): void {
  const at = outbox.message(EXPORT_NAME_REPLY.size);
  outbox.view.setBigUint64(at + EXPORT_NAME_REPLY.exportSize, BigInt(exported.size));
  outbox.view.setUint16(at + EXPORT_NAME_REPLY.transmissionFlags, flags);
  if (!zeroes) return;
  const zeroesAt = outbox.message(EXPORT_NAME_ZEROES);
  outbox.put(new Uint8Array(EXPORT_NAME_ZEROES), zeroesAt);
}

/** Writes the head of an option reply; returns where its payload of so many bytes begins. */
function putReplyHead(outbox: Outbox, option: number, type: number, payload: number): number {
  const at = outbox.message(OPTION_REPLY.size + payload);
  outbox.view.setBigUint64(at + OPTION_REPLY.magic, OPTION_REPLY_MAGIC);
  outbox.view.setUint32(at + OPTION_REPLY.option, option);
  outbox.view.setUint32(at + OPTION_REPLY.type, type);
  outbox.view.setUint32(at + OPTION_REPLY.length, payload);
  return at + OPTION_REPLY.size;
}

export function putAck(outbox: Outbox, option: number): void {
  putReplyHead(outbox, option, REP.ACK, 0);
}

/** @param text for the person at the client */
export function putRefusal(outbox: Outbox, option: number, type: number, text: string): void {
  const message = ENCODER.encode(text);
  outbox.put(message, putReplyHead(outbox, option, type, message.length));
}

/** One row of the answer to LIST. */
export function putServer(outbox: Outbox, option: number, exported: Export): void {
  const name = ENCODER.encode(exported.name);
  const description = ENCODER.encode(exported.description);
  const at = putReplyHead(outbox, option, REP.SERVER, 4 + name.length + description.length);
  outbox.view.setUint32(at, name.length);
  outbox.put(name, at + 4);
  outbox.put(description, at + 4 + name.length);
}

export function putContext(outbox: Outbox, option: number, id: number, context: MetaContext): void {
  const name = ENCODER.encode(contextName(context));
  const at = putReplyHead(outbox, option, REP.META_CONTEXT, 4 + name.length);
  outbox.view.setUint32(at, id);
  outbox.put(name, at + 4);
}

/** One information of INFO and GO; a type that is not known here is passed over. */
export function putInfo(
  outbox: Outbox,
  option: number,
  type: number,
  { export: exported, structuredReplies }: Agreement,
): void {
  switch (type) {
    case INFO.EXPORT: {
      const at = putReplyHead(outbox, option, REP.INFO, INFO_EXPORT.size);
      outbox.view.setUint16(at + INFO_EXPORT.type, type);
      outbox.view.setBigUint64(at + INFO_EXPORT.exportSize, BigInt(exported.size));
      outbox.view.setUint16(
        at + INFO_EXPORT.transmissionFlags,
        transmissionFlags(exported, structuredReplies),
      );
      return;
    }
    case INFO.NAME:
      putTextInfo(outbox, option, type, exported.name);
      return;
    case INFO.DESCRIPTION:
      putTextInfo(outbox, option, type, exported.description);
      return;
    case INFO.BLOCK_SIZE: {
      const at = putReplyHead(outbox, option, REP.INFO, INFO_BLOCK_SIZE.size);
      outbox.view.setUint16(at + INFO_BLOCK_SIZE.type, type);
      outbox.view.setUint32(at + INFO_BLOCK_SIZE.minimum, DEFAULT_MINIMUM_BLOCK);
      outbox.view.setUint32(at + INFO_BLOCK_SIZE.preferred, exported.preferredBlock);
      outbox.view.setUint32(at + INFO_BLOCK_SIZE.maximumPayload, DEFAULT_MAXIMUM_PAYLOAD);
    }
  }
}

function putTextInfo(outbox: Outbox, option: number, type: number, text: string): void {
  const content = ENCODER.encode(text);
  const at = putReplyHead(outbox, option, REP.INFO, INFO_TEXT.size + content.length);
  outbox.view.setUint16(at + INFO_TEXT.type, type);
  outbox.put(content, at + INFO_TEXT.size);
}
