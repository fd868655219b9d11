import { command, error, flag, type RequestFields } from '../support/nbd-bytes.js';
import { DISK_SIZE } from './peer.js';

/** Rules of transmission that a client can break, and the error that each is answered by. */
export type RequestCase = readonly [
  title: string,
  request: RequestFields,
  /** Undefined where the session ends. */
  error: number | undefined,
  how?: Circumstances,
];

/** Replies are structured, base:allocation is selected, and the export may be written, unless said here. */
export interface Circumstances {
  readonly readOnly?: boolean;
  readonly simple?: boolean;
  readonly noContext?: boolean;
  /** What the sentence has to name. */
  readonly says?: RegExp;
}

const { inval, nospc, perm, overflow } = error;
const { read, write, flush, trim, cache, writeZeroes, blockStatus } = command;

const TWO = { data: Buffer.alloc(2) } as const;
const LAST_TWO = { offset: DISK_SIZE - 1, length: 2 } as const;
const READ_ONLY = { readOnly: true } as const;
const SIMPLE = { simple: true } as const;

/** Offsets whose end has no exact value in 32, 53, 63 or 64 bits. */
const WRAPS = [32n, 53n, 63n, 64n].map((bits) => 2n ** bits - 1n);

export const MAGIC: readonly RequestCase[] = [
  ['magic of a reply', { type: read, magic: 0x67446698 }, undefined],
  ['magic in little endian', { type: read, magic: 0x13956025 }, undefined],
  ['magic before Linux 2.1.116', { type: read, magic: 0x12560953 }, undefined],
  ['magic of extended headers', { type: read, magic: 0x21e41c71 }, undefined],
  ['magic of an option', { type: read, magic: 0x49484156 }, undefined],
  ['magic of zero', { type: read, magic: 0 }, undefined],
];

export const COMMANDS: readonly RequestCase[] = [
  ['command unknown', { type: 9 }, inval, { says: /command 9/ }],
  ['command of the highest number', { type: 0xffff, length: 5 }, inval],
  ['command unknown, simple', { type: 9 }, inval, SIMPLE],
  ['RESIZE', { type: command.resize, offset: 4096 }, inval],
  ['READ with NO_HOLE', { type: read, flags: flag.noHole, length: 1 }, inval, { says: /0x2.*READ/ }],
  ['READ with DF, simple', { type: read, flags: flag.df, length: 1 }, inval, SIMPLE],
  ['WRITE with DF', { type: write, flags: flag.df, ...TWO }, inval],
  ['WRITE with FAST_ZERO', { type: write, flags: flag.fastZero, ...TWO }, inval],
  ['WRITE with PAYLOAD_LEN', { type: write, flags: flag.payloadLength, ...TWO }, inval],
  ['FLUSH with an offset', { type: flush, offset: 512 }, inval],
  ['FLUSH with a length', { type: flush, length: 512 }, inval],
  ['FLUSH with DF', { type: flush, flags: flag.df }, inval],
  ['TRIM with NO_HOLE', { type: trim, flags: flag.noHole, length: 1 }, inval],
  ['CACHE with NO_HOLE', { type: cache, flags: flag.noHole, length: 1 }, inval],
  ['WRITE_ZEROES with REQ_ONE', { type: writeZeroes, flags: flag.reqOne, length: 1 }, inval],
  ['BLOCK_STATUS with DF', { type: blockStatus, flags: flag.df, length: 1 }, inval],
  ['BLOCK_STATUS of nothing', { type: blockStatus }, inval],
  ['BLOCK_STATUS without a context', { type: blockStatus, length: 1 }, inval, { noContext: true }],
  ['BLOCK_STATUS, simple', { type: blockStatus, length: 1 }, inval, { ...SIMPLE, noContext: true }],
  ['WRITE, read-only', { type: write, ...TWO }, perm, READ_ONLY],
  ['WRITE, read-only, simple', { type: write, ...TWO }, perm, { ...READ_ONLY, ...SIMPLE }],
  ['WRITE, read-only, past the end', { type: write, offset: DISK_SIZE, ...TWO }, perm, READ_ONLY],
  ['TRIM, read-only', { type: trim, length: 1 }, perm, READ_ONLY],
  ['WRITE_ZEROES, read-only', { type: writeZeroes, length: 1 }, perm, READ_ONLY],
];

export const RANGES: readonly RequestCase[] = [
  ['READ past the end', { type: read, ...LAST_TWO }, inval, { says: /2 bytes at 1048575.*1048576/ }],
  ['READ beyond the end', { type: read, offset: DISK_SIZE + 1, length: 1 }, inval],
  ['READ of nothing beyond the end', { type: read, offset: DISK_SIZE + 1 }, inval],
  [
    'READ at 2^53 + 1',
    { type: read, offset: 2n ** 53n + 1n, length: 1 },
    inval,
    { says: /9007199254740993/ },
  ],
  ['WRITE past the end', { type: write, offset: DISK_SIZE - 1, ...TWO }, nospc],
  ['WRITE past the end, simple', { type: write, offset: DISK_SIZE - 1, ...TWO }, nospc, SIMPLE],
  ['TRIM past the end', { type: trim, ...LAST_TWO }, inval],
  ['TRIM of 4 GiB', { type: trim, offset: 1, length: 0xffffffff }, inval],
  ['CACHE past the end', { type: cache, ...LAST_TWO }, inval],
  ['WRITE_ZEROES past the end', { type: writeZeroes, ...LAST_TWO }, nospc],
  ['BLOCK_STATUS past the end', { type: blockStatus, ...LAST_TWO }, inval],
  ...WRAPS.flatMap((offset): RequestCase[] => [
    [`READ that wraps at ${offset}`, { type: read, offset, length: 2 }, inval, { says: RegExp(`${offset}`) }],
    [`WRITE that wraps at ${offset}`, { type: write, offset, ...TWO }, nospc],
    [`WRITE_ZEROES that wraps at ${offset}`, { type: writeZeroes, offset, length: 0xffffffff }, nospc],
  ]),
];

export const MAX_PAYLOAD = 32 << 20;

/** Longer than any payload may be, on an export that has room for them. */
export const LONG: readonly RequestCase[] = [
  ['READ of more than 32 MiB', { type: read, length: MAX_PAYLOAD + 1 }, overflow],
  ['READ of 4 GiB with DF', { type: read, flags: flag.df, length: 0xffffffff }, overflow],
  ['READ of more than 32 MiB, simple', { type: read, length: MAX_PAYLOAD + 1 }, inval, SIMPLE],
  ['WRITE of more than 32 MiB', { type: write, data: Buffer.alloc(MAX_PAYLOAD + 1) }, inval],
];
