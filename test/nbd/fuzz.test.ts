import { assert, suite } from '../support/harness.js';
import {
  clientFlags,
  contextData,
  infoData,
  join,
  option,
  sendOption,
  sendRequest,
} from '../support/nbd-bytes.js';
import { afterGreeting, readOptionReplies, readReplies } from '../support/nbd-reader.js';
import { Random } from '../support/random.js';
import { DISK_SIZE, memoryDisk, Peer } from './peer.js';

/** Random and mutated streams: nothing is thrown, little is held, and what is sent is always well formed. */

const test = suite('nbd fuzz');

const OPTIONS = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xffffffff];
const NAMES = ['', 'disk', 'nobody', 'base:allocation', 'x-dmremap:sectors', 'base:', ':', '\0'];

/** A session of a client that knows the protocol and does what comes to its mind. */
function wildSession(random: Random, structured: boolean): Buffer {
  const handshake = Array.from({ length: random.below(6) }, () => wildOption(random));
  const requests = Array.from({ length: random.below(12) }, () => wildRequest(random));
  return join(
    clientFlags(random.chance(0.9) ? 3 : random.below(5)),
    ...(structured ? [sendOption(option.structuredReply)] : []),
    ...handshake,
    sendOption(option.setMetaContext, contextData('disk', ...NAMES.slice(3, 5))),
    sendOption(option.go, infoData('disk', 0, 3)),
    ...requests,
  );
}

function wildOption(random: Random): Buffer {
  const name = () => random.pick(NAMES);
  const data = [
    () => random.bytes(random.below(40)),
    () => infoData(name(), ...Array.from({ length: random.below(4) }, () => random.below(5))),
    () => contextData(name(), ...Array.from({ length: random.below(4) }, name)),
  ];
  return sendOption(random.pick(OPTIONS), random.pick(data)());
}

function wildRequest(random: Random): Buffer {
  const type = random.pick([0, 1, 3, 4, 5, 6, 7, 8, random.u32() & 0xffff]);
  const length = random.pick([0, 1, 512, 4096, random.below(DISK_SIZE), random.u32()]);
  const offset = random.pick([0, random.below(DISK_SIZE), DISK_SIZE - 1, 2 ** 32, 2 ** 53]);
  const flags = random.chance(0.7) ? 0 : 1 << random.below(16);
  const cookie = BigInt(random.u32());
  if (type === 1) return sendRequest({ type, flags, cookie, offset, data: random.bytes(random.below(600)) });
  return sendRequest({ type, flags, cookie, offset, length });
}

/** Flips bits, cuts out, doubles, and puts in. */
function mutate(random: Random, bytes: Buffer): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(mutated.length);
    const to = Math.min(mutated.length, at + random.between(1, 16));
    const [head, part, tail] = [mutated.subarray(0, at), mutated.subarray(at, to), mutated.subarray(to)];
    mutated = random.pick([
      () => join(head, random.bytes(part.length), tail),
      () => join(head, tail),
      () => join(head, part, part, tail),
      () => join(head, random.bytes(random.below(30)), part, tail),
      () => join(head, Buffer.from(part.map((byte) => byte ^ (1 << random.below(8)))), tail),
    ])();
  }
  return mutated;
}

/** Gives the bytes in chunks of any size, and checks everything that must hold whatever they are. */
function survive(random: Random, bytes: Buffer, tls: 'off' | 'required', where: string): Peer {
  const peer = new Peer({ tls, answer: memoryDisk(Buffer.alloc(DISK_SIZE)) });
  const sent = [peer.sent()];
  for (let at = 0; at < bytes.length; ) {
    const next = at + random.between(1, 100);
    peer.give(bytes.subarray(at, next));
    assert.ok(peer.memory.out <= 64 << 20, where);
    sent.push(peer.sent());
    at = next;
  }
  if (random.chance(0.5)) peer.session.shutDown();
  peer.session.end();
  sent.push(peer.sent());
  assert.is(peer.causes.length, 1, `${where}: it ends once`);
  assert.is(peer.memory.out, 0, `${where}: what it held came back`);
  wellFormed(peer, afterGreeting(Buffer.concat(sent)), where);
  return peer;
}

/** What was sent is what a strict client can read. */
function wellFormed(peer: Peer, sent: Buffer, where: string): void {
  const entered = peer.events.find(([kind]) => kind === 'enter');
  const end = entered === undefined ? sent.length : endOfHandshake(sent);
  try {
    readOptionReplies(sent.subarray(0, end));
    // reads answered by simple replies are of no length that the stream alone would tell
    if (entered?.[0] === 'enter' && entered[2]) readReplies(sent.subarray(end));
  } catch (error) {
    throw new Error(`${where}: ${error}`, { cause: error });
  }
  for (const event of peer.events)
    if (event[0] === 'request') assert.ok(event[3] + event[4] <= DISK_SIZE, `${where}: outside the disk`);
}

/** Transmission begins after the acknowledgement of GO: option 7, type 1, no data. */
function endOfHandshake(sent: Buffer): number {
  const ack = Buffer.from('0003e889045565a9000000070000000100000000', 'hex');
  return sent.indexOf(ack) + ack.length;
}

test('random bytes', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const begin = random.pick([join(), clientFlags(), join(clientFlags(), 'IHAVEOPT')]);
    survive(
      random,
      join(begin, random.bytes(random.below(500))),
      random.pick(['off', 'required']),
      `seed ${seed}`,
    );
  }
});

test('random bytes in transmission, each after a right magic number', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const requests = Array.from({ length: random.below(20) }, () =>
      join(Buffer.from('25609513', 'hex'), random.bytes(24)),
    );
    const bytes = join(clientFlags(), sendOption(option.go, infoData('disk')), ...requests);
    survive(random, bytes, 'off', `seed ${seed}`);
  }
});

test('sessions of a client that does what comes to its mind', () => {
  let entered = 0;
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const peer = survive(random, wildSession(random, seed % 2 === 0), 'off', `seed ${seed}`);
    if (peer.events.some(([kind]) => kind === 'request')) entered++;
  }
  assert.ok(entered > 100, `only ${entered} sessions came to a request`);
});

test('mutated sessions', () => {
  for (let seed = 1000; seed < 2000; seed++) {
    const random = new Random(seed);
    const bytes = mutate(random, wildSession(random, seed % 2 === 0));
    survive(random, bytes, random.chance(0.8) ? 'off' : 'required', `seed ${seed}`);
  }
});
