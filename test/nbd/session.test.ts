import { assert, suite } from '../support/harness.js';
import { command, error, join, sendRequest, simpleReply } from '../support/nbd-bytes.js';
import { attached, DISK_SIZE, Peer } from './peer.js';

/** How a session ends, and how it holds a client back that asks for more than it is given. */

const test = suite('nbd session');

const COOKIE = 0xfedc_ba98_7654_3210n;

test('DISC waits for what is under way, is not answered, and ends the stream', () => {
  const peer = attached();
  const request = peer.taken(sendRequest({ type: command.flush, cookie: COOKIE }));
  peer.give(join(sendRequest({ type: command.disc }), sendRequest({ type: command.flush })));
  assert.is(peer.waiting, 0);
  assert.equal(peer.causes, []);
  peer.transmission.succeed(request);
  assert.equal(peer.sent(), simpleReply(COOKIE));
  assert.equal(peer.causes, ['asked']);
  assert.is(peer.open.length, 0);
});

test('a client that closes its side is still answered', () => {
  const peer = attached();
  const request = peer.taken(sendRequest({ type: command.flush, cookie: COOKIE }));
  peer.give(sendRequest({ type: command.write, data: Buffer.alloc(100) }).subarray(0, 60));
  peer.session.end();
  assert.equal(peer.causes, []);
  peer.transmission.succeed(request);
  assert.equal(peer.sent(), simpleReply(COOKIE));
  assert.equal(peer.causes, ['ended']);
  assert.is(peer.open.length, 0, 'a write that came in part is not carried out');
});

test('the first reason to end is the one that is told, once', () => {
  const left = attached();
  const request = left.taken(sendRequest({ type: command.flush }));
  left.give(sendRequest({ type: command.disc }));
  left.session.end();
  left.transmission.succeed(request);
  assert.equal(left.causes, ['asked']);
  const slow = new Peer();
  slow.session.expire();
  slow.session.end();
  slow.session.lose('ECONNRESET');
  assert.equal(slow.causes, ['limit']);
});

test('nobody is answered on a lost connection', () => {
  const peer = attached();
  const request = peer.taken(sendRequest({ type: command.flush, cookie: COOKIE }));
  peer.session.lose('ECONNRESET');
  peer.transmission.succeed(request);
  peer.session.end();
  assert.is(peer.sent().length, 0);
  assert.equal(peer.causes, ['ended']);
});

test('a server that is shutting down refuses new requests and finishes old ones', () => {
  const peer = attached();
  const request = peer.taken(sendRequest({ type: command.flush, cookie: 1n }));
  peer.session.shutDown();
  peer.give(sendRequest({ type: command.write, cookie: 2n, data: Buffer.alloc(100) }));
  peer.give(sendRequest({ type: command.read, cookie: 3n, length: 1 }));
  peer.transmission.succeed(request);
  assert.equal(
    peer.sent(),
    join(simpleReply(2n, error.shutdown), simpleReply(3n, error.shutdown), simpleReply(1n)),
  );
});

test('no more is read than may be under way at a time, and it goes on from there', () => {
  const peer = attached();
  const flood = Buffer.concat(
    Array.from({ length: 1000 }, () => sendRequest({ type: command.trim, length: 1 })),
  );
  peer.give(flood);
  const most = peer.open.length;
  assert.ok(most >= 16 && most < 1000 && peer.waiting > 0 && peer.session.isFull);
  let answered = 0;
  while (answered < 1000) {
    for (const request of peer.open.splice(0)) {
      peer.transmission.succeed(request);
      answered++;
    }
    peer.sent();
    peer.give(new Uint8Array(0));
    assert.ok(peer.open.length <= most);
  }
  assert.is(peer.waiting, 0);
});

test('requests that hold much are taken fewer at a time', () => {
  const peer = attached();
  const read = sendRequest({ type: command.read, length: DISK_SIZE });
  peer.give(Buffer.concat(Array.from({ length: 100 }, () => read)));
  assert.is(peer.open.length, 32);
});

test('replies that nobody takes hold further requests back', () => {
  const data = Buffer.alloc(DISK_SIZE);
  const peer = attached({ answer: (peer, request) => peer.finishRead(request, data) });
  const read = sendRequest({ type: command.read, length: DISK_SIZE });
  peer.give(Buffer.concat(Array.from({ length: 100 }, () => read)));
  const count = () => peer.events.filter(([kind]) => kind === 'request').length;
  assert.is(count(), 1);
  peer.sent();
  peer.give(new Uint8Array(0));
  assert.is(count(), 2);
});
