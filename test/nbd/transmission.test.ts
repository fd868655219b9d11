import { assert, suite } from '../support/harness.js';
import {
  chunk,
  chunkType,
  command,
  error,
  flag,
  join,
  sendRequest,
  simpleReply,
  u16,
  u32,
  u64,
} from '../support/nbd-bytes.js';
import { assembleRead, readReplies } from '../support/nbd-reader.js';
import { attached, DISK_SIZE } from './peer.js';

/** How requests come out and how answers are written. What is refused stands in hostile.test.ts. */

const test = suite('nbd transmission');

const COOKIE = 0xfedc_ba98_7654_3210n;

test('every command comes out with what it says', () => {
  const peer = attached({ structured: true, contexts: ['base:allocation'] });
  const at = { offset: 4097, length: 513 };
  peer.give(
    join(
      sendRequest({ type: command.read, flags: flag.df | flag.fua, ...at }),
      sendRequest({ type: command.write, flags: flag.fua, offset: 7, data: Buffer.from('abc') }),
      sendRequest({ type: command.flush }),
      sendRequest({ type: command.trim, flags: flag.fua, ...at }),
      sendRequest({ type: command.cache, ...at }),
      sendRequest({ type: command.writeZeroes, flags: flag.noHole | flag.fastZero, ...at }),
      sendRequest({ type: command.blockStatus, flags: flag.reqOne, offset: 0, length: DISK_SIZE }),
    ),
  );
  assert.equal(peer.events, [
    ['request', command.read, flag.df | flag.fua, 4097, 513, ''],
    ['request', command.write, flag.fua, 7, 3, 'abc'],
    ['request', command.flush, 0, 0, 0, ''],
    ['request', command.trim, flag.fua, 4097, 513, ''],
    ['request', command.cache, 0, 4097, 513, ''],
    ['request', command.writeZeroes, flag.noHole | flag.fastZero, 4097, 513, ''],
    ['request', command.blockStatus, flag.reqOne, 0, DISK_SIZE, ''],
  ]);
});

test('a payload that has come whole takes memory only where it is kept', () => {
  const peer = attached();
  const stream = join(sendRequest({ type: command.write, offset: 0, data: Buffer.from('abcdef') }));
  const request = peer.taken(stream);
  assert.is(peer.memory.out, 0);
  request.keep(peer.memory);
  request.payload.fill(0x78);
  assert.is(Buffer.from(request.payload).toString(), 'xxxxxx');
  assert.is(stream.subarray(-6).toString(), 'abcdef', 'what is kept lies elsewhere');
  request.keep(peer.memory);
  assert.is(peer.memory.out, 6, 'once');
  peer.transmission.succeed(request);
  peer.sent();
  assert.is(peer.memory.out, 0);
});

test('a payload that comes in pieces takes memory with its first byte', () => {
  const peer = attached();
  const stream = sendRequest({ type: command.write, offset: 0, data: Buffer.from('abcdef') });
  const head = stream.length - 6;
  assert.is(peer.give(stream.subarray(0, head)).memory.out, 0);
  assert.is(peer.give(stream.subarray(head, head + 1)).memory.out, 6);
  peer.give(stream.subarray(head + 1));
  const request = peer.open.shift();
  if (request === undefined) throw new Error('no request came out');
  assert.is(Buffer.from(request.payload).toString(), 'abcdef');
  peer.transmission.succeed(request);
  peer.sent();
  assert.is(peer.memory.out, 0);
});

test('success is told by the cookie alone, in any order', () => {
  for (const structured of [false, true]) {
    const peer = attached({ structured });
    const first = peer.taken(sendRequest({ type: command.flush, cookie: COOKIE }));
    const second = peer.taken(sendRequest({ type: command.trim, cookie: 0n, length: 1 }));
    peer.transmission.succeed(second);
    peer.transmission.succeed(first);
    assert.equal(peer.sent(), join(simpleReply(0n), simpleReply(COOKIE)));
  }
});

test('a read is answered by its data', () => {
  const data = Buffer.from('0123456789');
  const read = sendRequest({ type: command.read, cookie: COOKIE, offset: 100, length: 10 });
  const simple = attached();
  simple.finishRead(simple.taken(read), data);
  assert.equal(simple.sent(), simpleReply(COOKIE, 0, data));
  const structured = attached({ structured: true });
  structured.finishRead(structured.taken(read), data);
  assert.equal(structured.sent(), chunk(COOKIE, chunkType.data, join(u64(100), data)));
});

test('long data is passed on as it is, and given back only with what has been sent', () => {
  const peer = attached({ structured: true });
  const length = 1 << 16;
  const request = peer.taken(sendRequest({ type: command.read, length }));
  const data = peer.memory.take(length);
  peer.transmission.finishRead(request, data);
  const { pieces, lent } = peer.session.outbox.take();
  assert.ok(pieces.includes(data) && lent.includes(data));
  assert.is(data[0], 0xee);
});

test('short data leaves as one piece with its header, and its buffer is free at once', () => {
  const peer = attached({ structured: true });
  const request = peer.taken(sendRequest({ type: command.read, length: 4096 }));
  const data = peer.memory.take(4096);
  peer.transmission.finishRead(request, data);
  const { pieces, lent } = peer.session.outbox.take();
  assert.is(pieces.length, 1);
  assert.is(pieces[0]?.at(-1), 0xee);
  assert.ok(!lent.includes(data));
  assert.is(data[0], 0xdd);
});

test('what a write carries is given back with the answer, or when it will not be whole any more', () => {
  const write = sendRequest({ type: command.write, data: Buffer.alloc(100) });
  const answered = attached();
  answered.transmission.succeed(answered.taken(write));
  const lost = attached().give(write.subarray(0, 50));
  assert.is(lost.memory.out, 100);
  lost.session.lose('ECONNRESET');
  for (const peer of [answered, lost]) {
    peer.sent();
    assert.is(peer.memory.out, 0);
  }
});

test('no request is begun while memory is tight, and what was begun goes on', () => {
  const peer = attached();
  const write = sendRequest({ type: command.write, data: Buffer.alloc(100) });
  peer.give(write.subarray(0, 50));
  peer.memory.isTight = true;
  peer.give(join(write.subarray(50), write));
  assert.is(peer.open.length, 1);
  assert.is(peer.waiting, write.length);
  peer.memory.isTight = false;
  peer.give(join());
  assert.is(peer.open.length, 2);
});

const EIO = { error: 5, text: 'sector 9 could not be read' } as const;

test('holes and errors are told apart, byte for byte, and data after an error is kept', () => {
  const peer = attached({ structured: true });
  const read = { type: command.read, cookie: COOKIE, offset: 5000, length: 20 };
  peer.finishRead(peer.taken(sendRequest(read)), Buffer.from('abcd\0\0\0\0efgh\0\0ijkl\0\0'), [
    { at: 4, length: 4 },
    { at: 12, length: 2, failure: EIO },
    { at: 18, length: 2, failure: EIO },
  ]);
  const failed = (offset: number) => join(u32(5), u16(26), EIO.text, u64(offset));
  assert.equal(
    peer.sent(),
    join(
      chunk(COOKIE, chunkType.data, join(u64(5000), 'abcd'), false),
      chunk(COOKIE, chunkType.hole, join(u64(5004), u32(4)), false),
      chunk(COOKIE, chunkType.data, join(u64(5008), 'efgh'), false),
      chunk(COOKIE, chunkType.errorOffset, failed(5012), false),
      chunk(COOKIE, chunkType.data, join(u64(5014), 'ijkl'), false),
      chunk(COOKIE, chunkType.errorOffset, failed(5018)),
    ),
  );
});

test('unfragmented, a read is one chunk: all of it, or what lies before the first error', () => {
  const answer = (...gaps: { at: number; length: number; failure?: typeof EIO }[]) => {
    const peer = attached({ structured: true });
    const read = { type: command.read, flags: flag.df, cookie: COOKIE, offset: 0, length: 8 };
    peer.finishRead(peer.taken(sendRequest(read)), Buffer.from('ab\0\0\0\0gh'), gaps);
    return peer.sent();
  };
  const data = (text: string, done = true) => chunk(COOKIE, chunkType.data, join(u64(0), text), done);
  assert.equal(answer({ at: 2, length: 4 }), data('ab\0\0\0\0gh'));
  const failed = chunk(COOKIE, chunkType.errorOffset, join(u32(5), u16(26), EIO.text, u64(5)));
  const lack = { at: 5, length: 1, failure: EIO };
  assert.equal(answer({ at: 2, length: 3 }, lack), join(data('ab\0\0\0', false), failed));
  assert.equal(answer(lack, { at: 7, length: 1, failure: EIO }), join(data('ab\0\0\0', false), failed));
  assert.equal(answer({ at: 0, length: 8 }), chunk(COOKIE, chunkType.hole, join(u64(0), u32(8))));
  const whole = answer({ at: 0, length: 8, failure: EIO });
  assert.equal(
    readReplies(whole).map((found) => found.kind === 'chunk' && found.type),
    [chunkType.errorOffset],
  );
});

test('every way to cut a read into data, holes and errors reads back', () => {
  const length = 6;
  const data = Buffer.from([1, 2, 3, 4, 5, 6]);
  // each byte is data, a hole or an error; runs of one kind are one gap
  for (let code = 0; code < 3 ** length; code++) {
    const kinds = Array.from({ length }, (_, index) => Math.floor(code / 3 ** index) % 3);
    const gaps: { at: number; length: number; failure?: typeof EIO }[] = [];
    kinds.forEach((kind, at) => {
      const last = gaps.at(-1);
      if (kind !== 0 && kind === kinds[at - 1] && last !== undefined) last.length++;
      else if (kind !== 0) gaps.push({ at, length: 1, ...(kind === 2 ? { failure: EIO } : {}) });
    });
    const content = Buffer.from(data.map((byte, at) => (kinds[at] === 0 ? byte : 0)));
    for (const df of [0, flag.df]) {
      const peer = attached({ structured: true });
      const read = sendRequest({ type: command.read, flags: df, offset: 9, length });
      peer.finishRead(peer.taken(read), content, gaps);
      const chunks = readReplies(peer.sent());
      const found = assembleRead(chunks, 9n, length);
      const firstError = kinds.indexOf(2);
      const end = df !== 0 && firstError >= 0 ? firstError : length;
      const wanted = kinds.map((kind, at) => (kind === 2 || at >= end ? undefined : content[at]));
      assert.equal(found.bytes, wanted, `kinds ${kinds}, flags ${df}`);
      const errors = gaps.filter((gap) => gap.failure !== undefined).map((gap) => BigInt(9 + gap.at));
      assert.equal(found.failedAt, df === 0 ? errors : errors.slice(0, 1));
      const contents = chunks.filter((part) => part.kind === 'chunk' && part.data !== undefined);
      assert.ok(df === 0 || contents.length <= 1);
    }
  }
});

test('without structured replies a read fails as a whole', () => {
  const peer = attached();
  const read = sendRequest({ type: command.read, cookie: COOKIE, length: 8 });
  peer.finishRead(peer.taken(read), Buffer.alloc(8), [
    { at: 0, length: 1 },
    { at: 5, length: 1, failure: EIO },
  ]);
  assert.equal(peer.sent(), simpleReply(COOKIE, error.io));
});

test('a failure is told with its place and a sentence where there are chunks, else by its number', () => {
  const request = sendRequest({ type: command.write, cookie: COOKIE, offset: 8, data: Buffer.alloc(8) });
  const simple = attached();
  simple.transmission.fail(simple.taken(request), EIO, 12);
  assert.equal(simple.sent(), simpleReply(COOKIE, 5));
  const placed = attached({ structured: true });
  placed.transmission.fail(placed.taken(request), EIO, 12);
  assert.equal(placed.sent(), chunk(COOKIE, chunkType.errorOffset, join(u32(5), u16(26), EIO.text, u64(12))));
  const plain = attached({ structured: true });
  plain.transmission.fail(plain.taken(request), EIO);
  assert.equal(plain.sent(), chunk(COOKIE, chunkType.error, join(u32(5), u16(26), EIO.text)));
});

test('a sentence too long for a string is cut', () => {
  const peer = attached({ structured: true });
  const text = '\u20ac'.repeat(5000);
  peer.transmission.fail(peer.taken(sendRequest({ type: command.flush })), { error: 5, text });
  const [found] = readReplies(peer.sent());
  assert.ok(found?.kind === 'chunk' && (found.text?.length ?? 0) > 1000);
});

test('block status: a chunk for each context, neighbours joined, cut to the request', () => {
  const peer = attached({ structured: true, contexts: ['base:allocation', 'x-dmremap:sectors'] });
  const status = { type: command.blockStatus, cookie: COOKIE, offset: 512, length: 3000 };
  peer.transmission.finishStatus(peer.taken(sendRequest(status)), ({ leaf }) =>
    leaf === 'sectors'
      ? [
          { length: 1000, flags: 1 },
          { length: 1000, flags: 1 },
          { length: 5000, flags: 2 },
          { length: 5000, flags: 4 },
        ]
      : [{ length: 100, flags: 3 }],
  );
  const extents = (id: number, ...numbers: number[]) => join(u32(id), ...numbers.map(u32));
  assert.equal(
    peer.sent(),
    join(
      chunk(COOKIE, chunkType.blockStatus, extents(1, 100, 3), false),
      chunk(COOKIE, chunkType.blockStatus, extents(2, 2000, 1, 1000, 2)),
    ),
  );
});

test('block status: one extent where one is asked for, and one where nothing is known', () => {
  const peer = attached({ structured: true, contexts: ['x-dmremap:sectors'] });
  const ask = (flags: number, extents: { length: number; flags: number }[]) => {
    const status = { type: command.blockStatus, flags, cookie: COOKIE, length: 3000 };
    peer.transmission.finishStatus(peer.taken(sendRequest(status)), () => extents);
    const [found] = readReplies(peer.sent());
    return found?.kind === 'chunk' ? found.payload.subarray(4).toString('hex') : '';
  };
  const extent = (length: number, flags: number) => join(u32(length), u32(flags)).toString('hex');
  const two = [
    { length: 1000, flags: 1 },
    { length: 1000, flags: 1 },
    { length: 1000, flags: 0 },
  ];
  assert.is(ask(flag.reqOne, two), extent(2000, 1));
  assert.is(ask(flag.reqOne, [{ length: 9000, flags: 4 }]), extent(3000, 4));
  assert.is(ask(0, []), extent(3000, 0));
});

test('block status: a chunk holds a bounded number of extents', () => {
  const peer = attached({ structured: true, contexts: ['base:allocation'] });
  const extents = Array.from({ length: 100_000 }, (_, index) => ({ length: 1, flags: index % 2 }));
  const status = sendRequest({ type: command.blockStatus, length: 100_000 });
  peer.transmission.finishStatus(peer.taken(status), () => extents);
  const [found] = readReplies(peer.sent());
  assert.is(found?.kind === 'chunk' && found.payload.length, 4 + 8 * 65536);
});

test('nothing to read, write or zero is done at once', () => {
  const simple = attached();
  const structured = attached({ structured: true });
  for (const type of [command.read, command.write, command.trim, command.cache, command.writeZeroes]) {
    for (const peer of [simple, structured])
      peer.give(sendRequest({ type, cookie: COOKIE, offset: DISK_SIZE, length: 0 }));
    assert.equal(simple.sent(), simpleReply(COOKIE));
    assert.equal(
      structured.sent(),
      type === command.read ? chunk(COOKIE, chunkType.none) : simpleReply(COOKIE),
    );
  }
  assert.equal([...simple.events, ...structured.events], []);
});
