import type { Request } from '../../src/nbd/request.js';
import { assert, suite } from '../support/harness.js';
import { command, join, sendRequest } from '../support/nbd-bytes.js';
import { readReplies } from '../support/nbd-reader.js';
import { Random } from '../support/random.js';
import { attached, type Peer } from './peer.js';

/** Answers in any order, between any bytes: each request has one, and keeps its cookie. */

const test = suite('nbd order');

/** So many requests, right ones and wrong ones, whose cookies count up from zero. */
function mixedRequests(random: Random, count: number): Buffer {
  return join(
    ...Array.from({ length: count }, (_, number) => {
      const type = random.pick([0, 1, 3, 4, 5, 6, 99]);
      const cookie = BigInt(number);
      if (type === command.flush) return sendRequest({ type, cookie });
      if (type !== command.write) return sendRequest({ type, cookie, length: random.below(3000) });
      return sendRequest({ type, cookie, data: random.bytes(random.below(300)) });
    }),
  );
}

/** Gives the bytes and answers what comes out, one or the other as it happens; returns what was sent. */
function played(random: Random, peer: Peer, bytes: Buffer, readLengths: Map<bigint, number>): Buffer {
  const sent: Buffer[] = [];
  for (let at = 0; at < bytes.length || peer.waiting > 0 || peer.open.length > 0; ) {
    const next = at + random.below(200);
    peer.give(bytes.subarray(at, next));
    at = next;
    while (peer.open.length > 0 && random.chance(0.5)) {
      const [request] = peer.open.splice(random.below(peer.open.length), 1);
      if (request !== undefined) answer(random, peer, request, readLengths);
    }
    if (random.chance(0.5)) sent.push(peer.sent());
  }
  return Buffer.concat([...sent, peer.sent()]);
}

function answer(random: Random, peer: Peer, request: Request, readLengths: Map<bigint, number>): void {
  if (request.command === command.read) readLengths.set(BigInt(request.cookieLow), request.length);
  if (random.chance(0.2)) peer.transmission.fail(request, { error: 5, text: 'as it happens' });
  else if (request.command === command.read) peer.finishRead(request, random.bytes(request.length));
  else peer.transmission.succeed(request);
}

test('each request is answered once', () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed);
    const count = random.between(1, 400);
    const peer = attached({ structured: seed % 2 === 0 });
    const readLengths = new Map<bigint, number>();
    const sent = played(random, peer, mixedRequests(random, count), readLengths);
    const ends = readReplies(sent, readLengths).filter((found) => found.kind === 'simple' || found.done);
    const cookies = ends.map(({ cookie }) => Number(cookie)).sort((a, b) => a - b);
    const all = Array.from({ length: count }, (_, number) => number);
    assert.equal(cookies, all, `seed ${seed}`);
  }
});
