import { setTimeout as delay } from 'node:timers/promises';
import { Scratch, until } from '../device/scratch.js';
import { assert, suite } from '../support/harness.js';
import { clientFlags, command, join, sendRequest, simpleReply } from '../support/nbd-bytes.js';
import { RawClient } from './raw-client.js';
import { Served } from './served.js';

/** How much clients are given, what becomes of those who take more, and how the server ends. */

const test = suite('server limits');

const SIZE = 1 << 20;

let scratch: Scratch;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

test('one client more than may be is turned away, until another one leaves', async () => {
  const served = await Served.start(scratch, { size: SIZE, maxConnections: 2 });
  const [first, second] = [await RawClient.attach(served), await RawClient.connect(served)];
  const third = await RawClient.connect(served);
  assert.is((await third.rest()).length, 0);
  first.close();
  await until(
    () => served.events.some((event) => event.startsWith('1 disconnected')),
    'the end of the first',
  );
  const fourth = await RawClient.attach(served);
  assert.ok(served.events.includes('turned away: there are 2 clients already'));
  for (const client of [second, third, fourth]) client.close();
  await served.stop();
});

test('a handshake that takes too long is ended, whatever trickles in; transmission may last', async () => {
  const served = await Served.start(scratch, { size: SIZE, handshakeTime: 300 });
  const attached = await RawClient.attach(served);
  const slow = await RawClient.connect(served);
  const timer = setInterval(() => slow.send(join('\0')), 50);
  slow.send(clientFlags(), join('IHAVEOPT'));
  await slow.rest();
  clearInterval(timer);
  attached.send(sendRequest({ type: command.flush, cookie: 1n }));
  assert.equal(await attached.take(16), simpleReply(1n));
  await until(() => /2 disconnected limit: the handshake/.test(served.events.join('\n')), 'the end of it');
  slow.close();
  attached.close();
  await served.stop();
});

test('who holds the memory that others wait for, and does nothing, is let go', async () => {
  const served = await Served.start(scratch, { size: SIZE, memoryLimit: 2 * SIZE, patience: 200 });
  const other = await RawClient.attach(served);
  const writer = await RawClient.attach(served);
  const reader = await RawClient.attach(served);
  reader.socket.pause();
  const read = sendRequest({ type: command.read, cookie: 1n, length: SIZE });
  writer.send(sendRequest({ type: command.write, data: Buffer.alloc(SIZE) }).subarray(0, 1000));
  reader.send(read, read, read, read);
  await delay(50);
  other.send(read);
  await other.take(16 + SIZE);
  const ended = served.events.filter((event) => event.includes('disconnected'));
  assert.ok(ended.length > 0 && !ended.some((event) => event.startsWith('1 ')), ended.join());
  for (const client of [other, writer, reader]) client.close();
  await served.stop();
});

test('a device that takes long holds up those alone who asked for the place', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = (at: number) => (at === 0 ? held : undefined);
  const served = await Served.start(scratch, { size: SIZE, faults: { wait } });
  const clients = await Promise.all([RawClient.attach(served), RawClient.attach(served)]);
  for (const client of clients)
    client.send(
      ...Array.from({ length: 20 }, () => sendRequest({ type: command.read, cookie: 1n, length: 512 })),
      sendRequest({ type: command.read, cookie: 2n, offset: 512, length: 1 }),
    );
  for (const client of clients) assert.is((await client.take(17)).readUInt8(15), 2);
  release?.();
  for (const client of clients) assert.is((await client.take(20 * 528)).readUInt8(15), 1);
  for (const client of clients) client.close();
  await served.stop();
});

test('a client that takes its replies at once lets others have their turn', async () => {
  let reads = 0;
  let most = 0;
  const count = (): undefined => {
    most = Math.max(most, ++reads);
  };
  const served = await Served.start(scratch, { tcp: true, size: SIZE, faults: { wait: count } });
  const client = await RawClient.attach(served);
  const eachTurn = (): void => {
    reads = 0;
    turn = setImmediate(eachTurn);
  };
  let turn = setImmediate(eachTurn);
  const read = sendRequest({ type: command.read, length: 4096 });
  client.send(...Array.from({ length: 2000 }, () => read));
  await client.take(2000 * (16 + 4096));
  clearImmediate(turn);
  // eight times 256 KiB, and what a request may exceed them by
  assert.ok(most <= 8 * 65, `${most} reads in one turn`);
  client.close();
  await served.stop();
});

test('what a client asked for that is gone takes nothing with it', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const served = await Served.start(scratch, { tcp: true, size: SIZE, faults: { wait: () => held } });
  const client = await RawClient.attach(served);
  client.send(
    sendRequest({ type: command.read, length: 1 << 16 }),
    sendRequest({ type: command.write, offset: 100, data: Buffer.alloc(1 << 16, 3) }),
  );
  await delay(50);
  client.socket.resetAndDestroy();
  await until(() => served.events.some((event) => event.includes('disconnected')), 'the end');
  assert.ok(served.server.memoryInUse > 0);
  release?.();
  await until(() => served.server.memoryInUse === 0, 'what was under way');
  assert.is(served.content()[100], 3);
  await served.stop();
});

test('stopping: what is under way is answered, what comes is refused, idle clients are let go', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = (at: number) => (at === 0 ? held : undefined);
  const served = await Served.start(scratch, { size: SIZE, faults: { wait } });
  const [busy, idle, early] = [
    await RawClient.attach(served),
    await RawClient.attach(served),
    await RawClient.connect(served),
  ];
  busy.send(sendRequest({ type: command.read, cookie: 1n, length: 512 }));
  await delay(50);
  const stopped = served.stop(10_000);
  assert.is((await idle.rest()).length, 0);
  busy.send(sendRequest({ type: command.read, cookie: 2n, offset: 512, length: 512 }));
  assert.equal(await busy.take(16), simpleReply(2n, 108));
  release?.();
  assert.is((await busy.rest()).length, 16 + 512);
  await early.rest();
  await stopped;
  for (const client of [busy, idle, early]) client.close();
  assert.match(served.events.join('\n'), /1 disconnected stopped/);
});

test('stopping: the grace ends, whatever goes on', async () => {
  const never = new Promise<void>(() => {});
  const served = await Served.start(scratch, { size: SIZE, faults: { wait: () => never } });
  const client = await RawClient.attach(served);
  client.send(sendRequest({ type: command.read, cookie: 1n, length: 512 }));
  await delay(50);
  await served.stop(100);
  assert.is((await client.rest()).length, 0);
  client.close();
});
