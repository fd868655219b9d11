import { assert, suite } from '../support/harness.js';
import {
  clientFlags,
  command,
  contextData,
  flag,
  infoData,
  join,
  option,
  sendOption,
  sendRequest,
} from '../support/nbd-bytes.js';
import { afterGreeting } from '../support/nbd-reader.js';
import { DISK_SIZE, type Event, memoryDisk, Peer } from './peer.js';

/** Whole sessions, cut at every point: what comes out never depends on where a chunk ends. */

const test = suite('nbd cuts');

interface Recorded {
  readonly title: string;
  readonly tls?: 'required';
  readonly bytes: Buffer;
  readonly events: readonly Event[];
}

const data = (length: number, seed: number) =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff));

const requests = join(
  sendRequest({ type: command.write, cookie: 1n, offset: 1000, data: data(61, 1) }),
  sendRequest({ type: command.read, cookie: 2n, offset: 990, length: 80 }),
  // refused: unknown flag, past the end, unknown command; their payload is passed over
  sendRequest({ type: command.write, flags: 0x4000, cookie: 3n, offset: 5, data: data(37, 2) }),
  sendRequest({ type: command.write, cookie: 4n, offset: DISK_SIZE - 1, data: data(2, 3) }),
  sendRequest({ type: 99, cookie: 5n }),
  sendRequest({ type: command.write, cookie: 6n, data: new Uint8Array(0) }),
  sendRequest({ type: command.write, flags: flag.fua, cookie: 7n, offset: 3, data: data(1, 4) }),
  sendRequest({ type: command.flush, cookie: 8n }),
  sendRequest({ type: command.writeZeroes, cookie: 9n, offset: 1010, length: 5 }),
  sendRequest({ type: command.read, cookie: 10n, offset: 1000, length: 30 }),
  sendRequest({ type: command.disc }),
  'what a client may not send any more',
);

const text = (bytes: Buffer) => bytes.toString('latin1');

const requestEvents: readonly Event[] = [
  ['request', command.write, 0, 1000, 61, text(data(61, 1))],
  ['request', command.read, 0, 990, 80, ''],
  ['request', command.write, flag.fua, 3, 1, text(data(1, 4))],
  ['request', command.flush, 0, 0, 0, ''],
  ['request', command.writeZeroes, 0, 1010, 5, ''],
  ['request', command.read, 0, 1000, 30, ''],
  ['hang up', 'asked'],
];

const SESSIONS: readonly Recorded[] = [
  {
    title: 'by name',
    bytes: join(clientFlags(1), sendOption(option.exportName, 'disk'), requests),
    events: [['enter', 'disk', false, ''], ...requestEvents],
  },
  {
    title: 'with every option',
    bytes: join(
      clientFlags(),
      sendOption(option.list),
      sendOption(option.list, 'data'),
      sendOption(77, data(50, 5)),
      sendOption(option.structuredReply),
      sendOption(option.listMetaContext, contextData('disk')),
      sendOption(option.setMetaContext, contextData('disk', 'base:allocation', 'x-dmremap:sectors')),
      sendOption(option.info, data(30, 6)),
      sendOption(option.info, infoData('nobody', 1, 2, 3)),
      sendOption(option.go, infoData('disk', 1, 2, 3)),
      sendRequest({ type: command.blockStatus, cookie: 11n, offset: 512, length: 512 }),
      requests,
    ),
    events: [
      ['enter', 'disk', true, '1,2'],
      ['request', command.blockStatus, 0, 512, 512, ''],
      ...requestEvents,
    ],
  },
  {
    title: 'given up under TLS',
    tls: 'required',
    bytes: join(
      clientFlags(),
      sendOption(option.go, infoData('disk')),
      sendOption(option.startTls),
      sendOption(option.info, infoData('')),
      sendOption(option.abort, 'bye'),
    ),
    events: [['tls'], ['hang up', 'asked']],
  },
  {
    title: 'out of order in the end',
    bytes: join(
      clientFlags(),
      sendOption(option.exportName),
      sendRequest({ type: command.read, offset: 1, length: 1 }),
      sendRequest({ type: command.read, magic: 0x25609514 }),
    ),
    events: [
      ['enter', 'disk', false, ''],
      ['request', command.read, 0, 1, 1, ''],
      ['hang up', 'violation'],
    ],
  },
];

/** What comes out when the bytes come in these chunks. */
function played({ tls = 'off' }: { tls?: 'off' | 'required' }, chunks: readonly Uint8Array[]) {
  const peer = new Peer({ tls, answer: memoryDisk(Buffer.alloc(DISK_SIZE)) });
  for (const chunk of chunks) peer.give(chunk);
  return { events: peer.events, sent: peer.sent(), waiting: peer.waiting };
}

for (const session of SESSIONS) {
  const { title, bytes, events } = session;
  const whole = played(session, [bytes]);

  test(`${title}: in one chunk`, () => {
    assert.equal(whole.events, events);
    assert.is(whole.waiting, 0);
    assert.ok(afterGreeting(whole.sent).length > 0);
  });

  test(`${title}: in two chunks, cut anywhere`, () => {
    for (let cut = 1; cut < bytes.length; cut++)
      assert.equal(played(session, [bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
  });

  test(`${title}: in chunks of a few bytes`, () => {
    for (const size of [1, 2, 3, 5, 7, 13, 27, 28, 29]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      assert.equal(played(session, chunks), whole, `${size} bytes at a time`);
    }
  });

  test(`${title}: from one buffer that is used again for every chunk`, () => {
    const recycled = Buffer.alloc(16);
    const peer = new Peer({ tls: session.tls ?? 'off', answer: memoryDisk(Buffer.alloc(DISK_SIZE)) });
    for (let at = 0; at < bytes.length; at += recycled.length) {
      const length = bytes.copy(recycled, 0, at);
      peer.give(recycled.subarray(0, length));
      recycled.fill(0xdd);
    }
    assert.equal(peer.events, whole.events);
    assert.equal(peer.sent(), whole.sent);
  });

  test(`${title}: ended anywhere, nothing comes out that was not whole`, () => {
    for (let end = 0; end < bytes.length; end++) {
      const peer = new Peer({ tls: session.tls ?? 'off', answer: memoryDisk(Buffer.alloc(DISK_SIZE)) });
      peer.give(bytes.subarray(0, end));
      const before = peer.events.length;
      assert.equal(peer.events, events.slice(0, before), `ended at ${end}`);
      peer.session.end();
      const causes = before === events.length ? events.slice(-1) : [['hang up', 'ended']];
      assert.equal(peer.events.slice(-1), causes, `ended at ${end}`);
    }
  });
}
