import { setTimeout as delay } from 'node:timers/promises';
import { numbered, Scratch, until } from '../device/scratch.js';
import { CONTEXTS, FRAMING, NAMES, type OptionCase } from '../nbd/hostile-options.js';
import { COMMANDS, MAGIC, RANGES, type RequestCase } from '../nbd/hostile-requests.js';
import { assert, suite } from '../support/harness.js';
import {
  clientFlags,
  command,
  contextData,
  infoData,
  join,
  option,
  optionHead,
  sendOption,
  sendRequest,
  simpleReply,
} from '../support/nbd-bytes.js';
import { afterGreeting, readOptionReplies, readReplies } from '../support/nbd-reader.js';
import { Random } from '../support/random.js';
import { RawClient } from './raw-client.js';
import { Served } from './served.js';

/** Clients that mean harm, on real sockets: they get what the protocol says, and others do not notice. */

const test = suite('server hostile');

// the size that the cases of transmission are made for
const SIZE = 1 << 20;

let scratch: Scratch;
let served: Served;
let other: RawClient;
test.before(async () => {
  scratch = new Scratch();
  served = await Served.start(scratch, {
    tcp: true,
    size: SIZE,
    maxConnections: 3000,
    handshakeTime: 60_000,
  });
  other = await RawClient.attach(served);
});
test.after(async () => {
  other.close();
  await served.stop();
  scratch.cleanUp();
});
test.afterEach(async () => {
  await isServed(other);
});

const FIRST = numbered(512);

/** A client that keeps the rules gets its answer, soon. */
async function isServed(client: RawClient, length = 512): Promise<void> {
  const began = performance.now();
  client.send(sendRequest({ type: command.read, cookie: 9n, length }));
  const answer = await client.take(16 + length);
  assert.equal(answer.subarray(0, 16 + 512), simpleReply(9n, 0, FIRST));
  assert.ok(performance.now() - began < 1000, 'it had to wait for long');
}

function memoryOut(): number {
  return served.server.memoryInUse;
}

for (const hostile of [...FRAMING, ...NAMES, ...CONTEXTS])
  test(`handshake: ${hostile[0]}`, () => answered(hostile));

async function answered([, sent, outcome, { flags = 3 } = {}]: OptionCase): Promise<void> {
  const client = await RawClient.connect(served);
  client.send(clientFlags(flags), sent);
  if (typeof outcome !== 'string') client.send(sendOption(option.abort));
  const replies = readOptionReplies(afterGreeting(await client.rest()));
  if (typeof outcome !== 'string')
    assert.equal(
      replies.map(({ type }) => type),
      [...outcome, 1],
    );
  client.close();
}

const STRUCTURED = [
  sendOption(option.structuredReply),
  sendOption(option.setMetaContext, contextData('', 'base:allocation')),
];

for (const hostile of [...MAGIC, ...COMMANDS, ...RANGES].filter(([, , , how]) => how?.readOnly !== true))
  test(`transmission: ${hostile[0]}`, () => refused(hostile));

async function refused([, request, error, how = {}]: RequestCase): Promise<void> {
  const simple = how.simple === true;
  const options = simple ? [] : how.noContext === true ? STRUCTURED.slice(0, 1) : STRUCTURED;
  const client = await RawClient.attach(served, ...options);
  client.send(sendRequest({ ...request, cookie: 5n }), sendRequest({ type: command.disc }));
  const replies = readReplies(await client.rest());
  assert.equal(
    replies.map((found) => [found.cookie, found.error]),
    error === undefined ? [] : [[5n, error]],
  );
  client.close();
}

test('garbage in each phase', async () => {
  const random = new Random(1);
  const phases = [
    [],
    [clientFlags()],
    [clientFlags(), optionHead(option.go, 100)],
    [clientFlags(), sendOption(option.structuredReply), sendOption(option.go, infoData(''))],
    [clientFlags(), sendOption(option.go, infoData('')), sendRequest({ type: command.read, length: 512 })],
  ];
  for (const phase of phases)
    for (let round = 0; round < 10; round++) {
      const client = await RawClient.connect(served);
      client.send(...phase, random.bytes(5000));
      client.socket.end();
      await client.rest();
      client.close();
    }
});

test('a session that comes one byte at a time', async () => {
  const client = await RawClient.connect(served);
  client.socket.setNoDelay(true);
  const session = join(
    clientFlags(),
    sendOption(option.go, infoData('disk')),
    sendRequest({ type: command.write, cookie: 1n, offset: 4096, data: Buffer.alloc(20, 7) }),
    sendRequest({ type: command.read, cookie: 2n, offset: 4096, length: 20 }),
    sendRequest({ type: command.disc }),
  );
  for (const byte of session) {
    client.send(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const replies = await client.rest();
  assert.equal(replies.subarray(-52), join(simpleReply(1n), simpleReply(2n, 0, Buffer.alloc(20, 7))));
  client.close();
});

test('a client that closes its side is sent all that it asked for', async () => {
  const client = await RawClient.attach(served);
  const read = sendRequest({ type: command.read, cookie: 3n, length: SIZE });
  client.send(...Array.from({ length: 20 }, () => read));
  client.socket.end();
  assert.is((await client.rest()).length, 20 * (16 + SIZE));
  client.close();
});

test('connections reset with replies queued', async () => {
  for (let round = 0; round < 20; round++) {
    const client = await RawClient.attach(served);
    client.socket.pause();
    const read = sendRequest({ type: command.read, length: SIZE });
    client.send(...Array.from({ length: 50 }, () => read));
    await delay(5);
    client.socket.resetAndDestroy();
  }
  await until(() => memoryOut() === 0, 'what the clients held');
});

test('requests without end whose replies are never read', async () => {
  const clients: RawClient[] = [];
  for (let count = 0; count < 20; count++) {
    const client = await RawClient.attach(served);
    client.socket.pause();
    const flood = Array.from({ length: 2000 }, () => sendRequest({ type: command.read, length: SIZE }));
    client.send(...flood);
    clients.push(client);
  }
  for (let count = 0; count < 10; count++) {
    await isServed(other);
    await delay(20);
  }
  assert.ok(memoryOut() < 20 * 8 * SIZE, `${memoryOut()} bytes are held`);
  for (const client of clients) client.close();
  await until(() => memoryOut() === 0, 'what the clients held');
});

test('options without end whose replies are never read', async () => {
  const client = await RawClient.connect(served);
  client.socket.pause();
  client.send(clientFlags(), ...Array.from({ length: 5000 }, () => sendOption(option.list)));
  await delay(100);
  client.close();
});

test('writes that stop half-way', async () => {
  const before = served.content();
  for (let round = 0; round < 20; round++) {
    const client = await RawClient.attach(served);
    const write = sendRequest({ type: command.write, offset: 8192, data: Buffer.alloc(5000, 1) });
    client.send(write.subarray(0, write.length - 1 - round));
    client.socket.end();
    await client.rest();
    client.close();
  }
  assert.equal(served.content(), before);
  await until(() => memoryOut() === 0, 'what the clients held');
});

test('connections that come and go at once', async () => {
  for (let count = 0; count < 300; count++) {
    const client = await RawClient.connect(served);
    client.close();
  }
});

test('2,000 idle connections hold less than 64 KiB each', async () => {
  const clients: RawClient[] = [];
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 1000; count++) {
    clients.push(await RawClient.attach(served), await RawClient.connect(served));
    if (count % 200 === 0) await isServed(other);
  }
  // both ends of each connection live in this process
  const each = (process.memoryUsage.rss() - before) / clients.length;
  assert.ok(each < 64 << 10, `${each} bytes each`);
  await isServed(other);
  for (const client of clients) client.close();
});
