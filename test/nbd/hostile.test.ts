import { bytes } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { clientFlags, command, join, option, sendOption, sendRequest } from '../support/nbd-bytes.js';
import { readOptionReplies, readReplies } from '../support/nbd-reader.js';
import { CONTEXTS, FRAMING, NAMES, type OptionCase, TLS_CASES } from './hostile-options.js';
import {
  type Circumstances,
  COMMANDS,
  LONG,
  MAGIC,
  MAX_PAYLOAD,
  RANGES,
  type RequestCase,
} from './hostile-requests.js';
import { attached, DISK_SIZE, Peer } from './peer.js';

/** Whatever rule a client breaks: the answer that the protocol asks for, and the stream still in order. */

const test = suite('nbd hostile');

for (const hostile of [...FRAMING, ...NAMES, ...CONTEXTS, ...TLS_CASES])
  test(`handshake: ${hostile[0]}`, () => answered(hostile));

function answered([, sent, outcome, { flags = 3, tls = 'off' } = {}]: OptionCase): void {
  const peer = new Peer({ tls }).give(clientFlags(flags));
  peer.sent();
  peer.give(sent);
  const ends = typeof outcome === 'string';
  assert.equal(peer.events, ends ? [['hang up', outcome]] : []);
  if (!ends) {
    const types = readOptionReplies(peer.sent()).map(({ type }) => type);
    assert.equal(types, outcome);
  }
  peer.give(sendOption(option.abort));
  assert.is(peer.waiting, 0);
  assert.equal(peer.causes, [ends ? outcome : 'asked']);
}

function peerFor({ simple, noContext, readOnly = false }: Circumstances = {}, size = DISK_SIZE): Peer {
  const exported = { readOnly, size: bytes(size) };
  const contexts = noContext === true ? [] : ['base:allocation'];
  return attached({ structured: simple !== true, contexts, exported });
}

for (const hostile of [...MAGIC, ...COMMANDS, ...RANGES])
  test(`transmission: ${hostile[0]}`, () => refused(peerFor(hostile[3]), hostile));

for (const hostile of LONG)
  test(`transmission: ${hostile[0]}`, () => {
    const peer = peerFor(hostile[3], 2 ** 40);
    refused(peer, hostile);
    assert.ok(peer.memory.longest < 1 << 20);
  });

const COOKIE = 0x1122_3344_5566_7788n;

function refused(peer: Peer, [, request, error, { simple = false, says = /./ } = {}]: RequestCase): void {
  peer.give(sendRequest({ ...request, cookie: COOKIE }));
  const [answer, ...more] = readReplies(peer.sent());
  assert.equal(more, []);
  assert.is(answer?.error, error);
  if (answer === undefined) {
    assert.equal(peer.events, [['hang up', 'violation']]);
    return;
  }
  assert.is(answer.cookie, COOKIE);
  assert.is(answer.kind, simple ? 'simple' : 'chunk');
  if (answer.kind === 'chunk') {
    assert.ok(answer.done);
    assert.match(answer.text ?? '', says);
  }
  assert.equal(peer.events, [], 'it was carried out');
  peer.give(sendRequest({ type: command.flush }));
  assert.equal(peer.events, [['request', command.flush, 0, 0, 0, '']]);
}

test('what is allowed is not refused: 32 MiB, 4 GiB without data, the last byte', () => {
  const peer = peerFor({}, 2 ** 40);
  const max = MAX_PAYLOAD;
  peer.give(sendRequest({ type: command.write, data: Buffer.alloc(max) }));
  for (const request of peer.open) peer.transmission.succeed(request);
  peer.give(
    join(
      sendRequest({ type: command.trim, length: 0xffffffff }),
      sendRequest({ type: command.writeZeroes, offset: 2 ** 40 - 1, length: 1 }),
      sendRequest({ type: command.blockStatus, length: 0xffffffff }),
      sendRequest({ type: command.read, offset: 2 ** 40 - max, length: max }),
    ),
  );
  assert.equal(
    peer.events.map((event) => event[0] === 'request' && event[4]),
    [max, 0xffffffff, 1, 0xffffffff, max],
  );
});

test('every bit of flags that is not documented for a command is refused', () => {
  const documented = new Map<number, number>([
    [command.read, 0b101],
    [command.write, 0b1],
    [command.flush, 0b1],
    [command.trim, 0b1],
    [command.cache, 0b1],
    [command.writeZeroes, 0b10011],
    [command.blockStatus, 0b1001],
  ]);
  for (const [type, known] of documented)
    for (let bit = 0; bit < 16; bit++) {
      const peer = peerFor();
      const length = type === command.flush ? 0 : 1;
      const data = type === command.write ? Buffer.alloc(1) : new Uint8Array(0);
      peer.give(sendRequest({ type, flags: 1 << bit, length, data }));
      assert.is(peer.events.length, (known >> bit) & 1, `command ${type}, flag ${bit}`);
    }
});

test('a client that sends refused requests and never reads is held back', () => {
  const peer = peerFor();
  const flood = Buffer.concat(Array.from({ length: 10_000 }, () => sendRequest({ type: 50 })));
  let given = 0;
  while (peer.waiting === 0 && given < 1000) {
    peer.give(flood);
    given++;
  }
  assert.ok(peer.session.isFull);
  assert.ok(peer.session.outbox.size < (32 << 20) + 4096);
  peer.sent();
  peer.give(new Uint8Array(0));
  assert.is(peer.waiting, 0);
});
