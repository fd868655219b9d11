import {
  contextData,
  counted,
  infoData,
  join,
  option,
  optionHead,
  reply,
  sendOption,
  sendRequest,
  u16,
  u32,
} from '../support/nbd-bytes.js';

/** Rules of the handshake that a client can break, and the answer to each. */
export type OptionCase = readonly [
  title: string,
  /** After the client flags. */
  sent: Uint8Array,
  /** Why the session ends, or the types of the replies. */
  outcome: 'violation' | 'limit' | 'refused' | readonly number[],
  how?: { readonly flags?: number; readonly tls?: 'off' | 'required' },
];

const { ack, invalid, unknown, unsupported, tooBig, tlsRequired, policy } = reply;
const { exportName, list, startTls, info, go, structuredReply, listMetaContext, setMetaContext } = option;

const TLS = { tls: 'required' } as const;
const NOT_FIXED = { flags: 0 } as const;
const LONG_NAME = 'n'.repeat(4097);
const NO_UTF8 = Buffer.from([0xc3, 0x28]);
const send = sendOption;

/** An option of metadata contexts, once structured replies are negotiated. */
function afterStructured(code: number, data: Uint8Array): Uint8Array {
  return join(send(structuredReply), send(code, data));
}

export const FRAMING: readonly OptionCase[] = [
  ['client flags unknown', join(), 'violation', { flags: 7 }],
  ['client flags, the highest', join(), 'violation', { flags: 0x80000003 }],
  ['a request', sendRequest({ type: 0 }), 'violation'],
  ['HTTP', join('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'violation'],
  ['option in little endian', join('TPOEVAHI', u32(3), u32(0)), 'violation'],
  ['LIST not fixed', send(list), 'violation', NOT_FIXED],
  ['GO not fixed', send(go, infoData('disk')), 'violation', NOT_FIXED],
  ['option 0', send(0, 'data'), [unsupported]],
  ['option unknown', send(0x12345678), [unsupported]],
  ['option unknown, much data', send(99, Buffer.alloc(100_000)), [unsupported]],
  ['option withdrawn', send(option.peekExport), [unsupported]],
  ['option of an extension', send(option.extendedHeaders), [unsupported]],
  ['option of the highest number', send(0xffffffff), [unsupported]],
  ['option data of more than 32 MiB', optionHead(list, (32 << 20) + 1), 'limit'],
  ['option data of 4 GiB', optionHead(info, 0xffffffff), 'limit'],
  ['options without end', Buffer.concat(Array(2000).fill(send(list))), 'limit'],
];

export const NAMES: readonly OptionCase[] = [
  ['EXPORT_NAME of nobody', send(exportName, 'nobody'), 'refused'],
  ['EXPORT_NAME in capitals', send(exportName, 'DISK'), 'refused'],
  ['EXPORT_NAME too long', send(exportName, LONG_NAME), 'violation'],
  ['EXPORT_NAME that is not UTF-8', send(exportName, NO_UTF8), 'refused'],
  ['EXPORT_NAME with a NUL', send(exportName, 'disk\0'), 'refused'],
  ['LIST with data', send(list, 'x'), [invalid]],
  ['LIST with much data', send(list, Buffer.alloc(50_000)), [invalid]],
  ['STRUCTURED_REPLY with data', send(structuredReply, 'x'), [invalid]],
  ['STRUCTURED_REPLY twice', afterStructured(structuredReply, join()), [ack, ack]],
  ['INFO without data', send(info), [invalid]],
  ['INFO, name longer than the data', send(info, join(u32(5), 'disk', u16(0))), [invalid]],
  ['INFO, name of 2 GiB', send(info, join(u32(0x80000000), 'disk', u16(0))), [invalid]],
  ['INFO, name of 4 GiB', send(info, join(u32(0xffffffff), 'disk', u16(0))), [invalid]],
  ['INFO without a count', send(info, counted('disk')), [invalid]],
  ['INFO, fewer items than counted', send(info, join(counted('disk'), u16(2), u16(1))), [invalid]],
  ['INFO, more items than counted', send(info, join(counted('disk'), u16(0), u16(1))), [invalid]],
  ['INFO, a byte left over', send(info, join(infoData('disk'), 'x')), [invalid]],
  ['INFO of nobody', send(info, infoData('nobody')), [unknown]],
  ['GO to nobody', send(go, infoData('nobody', 3)), [unknown]],
  ['GO, name too long', send(go, infoData(LONG_NAME)), [invalid]],
  ['GO, name not UTF-8', send(go, infoData(NO_UTF8)), [invalid]],
  ['GO, name with a NUL', send(go, infoData('\0')), [invalid]],
  ['GO, too much data', send(go, Buffer.alloc(20_000)), [tooBig]],
];

export const CONTEXTS: readonly OptionCase[] = [
  ['contexts listed, replies not structured', send(listMetaContext, contextData('')), [invalid]],
  ['contexts set, replies not structured', send(setMetaContext, contextData('')), [invalid]],
  ['contexts of nobody', afterStructured(listMetaContext, contextData('nobody')), [ack, unknown]],
  ['query without a colon', afterStructured(setMetaContext, contextData('', 'base')), [ack, invalid]],
  ['query without a namespace', afterStructured(setMetaContext, contextData('', ':a')), [ack, invalid]],
  ['query with a blank', afterStructured(setMetaContext, contextData('', 'b e:x')), [ack, invalid]],
  ['query unknown', afterStructured(setMetaContext, contextData('', 'qemu:dirty-bitmap:b')), [ack, ack]],
  ['query not UTF-8', afterStructured(listMetaContext, contextData('', NO_UTF8)), [ack, invalid]],
  ['query with a NUL', afterStructured(listMetaContext, contextData('', 'base:\0')), [ack, invalid]],
  [
    'query longer than the data',
    afterStructured(setMetaContext, join(u32(0), u32(1), u32(9), 'base:')),
    [ack, invalid],
  ],
  ['2^32 - 1 queries', afterStructured(setMetaContext, join(u32(0), u32(0xffffffff))), [ack, invalid]],
  ['queries without a count', afterStructured(listMetaContext, counted('')), [ack, invalid]],
  ['queries, a byte left over', afterStructured(listMetaContext, join(contextData(''), 'x')), [ack, invalid]],
  ['queries too long', afterStructured(setMetaContext, Buffer.alloc(16_385)), [ack, tooBig]],
];

export const TLS_CASES: readonly OptionCase[] = [
  ['STARTTLS without TLS', send(startTls), [policy]],
  ['STARTTLS with data', send(startTls, 'x'), [invalid], TLS],
  ['LIST before TLS', send(list), [tlsRequired], TLS],
  ['unknown option before TLS', send(1234, 'x'), [tlsRequired], TLS],
  ['malformed option before TLS', send(go, 'x'), [tlsRequired], TLS],
  ['much data before TLS', send(go, Buffer.alloc(20_000)), [tlsRequired], TLS],
  ['EXPORT_NAME before TLS', send(exportName), 'refused', TLS],
  ['EXPORT_NAME before TLS, not fixed', send(exportName), 'refused', { ...TLS, ...NOT_FIXED }],
  ['STARTTLS not fixed', send(startTls), 'violation', { ...TLS, ...NOT_FIXED }],
];
