import { createServer, Socket } from 'node:net';
import { trySend } from '../../src/device/moving-now.js';
import { Outbox } from '../../src/nbd/outbox.js';
import { descriptorOf } from '../../src/server/handle.js';
import { Sender } from '../../src/server/sender.js';
import { Scratch } from '../device/scratch.js';
import { StrictMemory } from '../nbd/strict-memory.js';
import { assert, suite } from '../support/harness.js';

const test = suite('sender');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

/** Both ends of a connection. */
async function connected(): Promise<{ ours: Socket; theirs: Socket; end: () => void }> {
  const path = scratch.path(`socket-${Math.random()}`);
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const theirs = new Socket().connect(path);
  theirs.pause();
  const ours = await accepted;
  const end = (): void => {
    for (const one of [ours, theirs, server]) 'destroy' in one ? one.destroy() : one.close();
  };
  return { ours, theirs, end };
}

/** Puts a numbered message of so many bytes into the outbox. */
function put(outbox: Outbox, size: number, number: number): void {
  const at = outbox.message(size);
  for (let byte = 0; byte < size; byte += 4) outbox.view.setUint32(at + byte, number);
}

test('a short reply is there at once and counts; of many that nobody takes none is lost or out of order', async () => {
  const { ours, theirs, end } = await connected();
  const memory = new StrictMemory();
  const outbox = new Outbox(memory);
  const sizes: number[] = [];
  const sender: Sender = new Sender(outbox, memory, ours, () => sender.flush());
  const send = (size: number): void => {
    put(outbox, size, sizes.length);
    sizes.push(size);
    sender.flush();
  };
  send(16);
  assert.is(sender.sentAtOnce, 16);
  assert.is(ours.bytesWritten, 0);
  assert.is(memory.out, 0);
  while (!sender.isBusy) send(16 + 4096 * (sizes.length % 24));
  for (let more = 0; more < 50; more++) send(16);
  const expected = Buffer.concat(
    sizes.map((size, number) => {
      const message = Buffer.alloc(size);
      for (let byte = 0; byte < size; byte += 4) message.writeUInt32BE(number, byte);
      return message;
    }),
  );
  const parts: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve) => {
    theirs.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= expected.length) resolve();
    });
    theirs.resume();
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(Buffer.compare(Buffer.concat(parts), expected), 0);
  assert.is(sender.sentAtOnce + ours.bytesWritten, expected.length);
  assert.not.ok(sender.isBusy);
  assert.is(memory.out, 0);
  end();
});

test('a socket that has no room now is told from one that nobody reads any more', async () => {
  const { ours, theirs, end } = await connected();
  const fd = descriptorOf(ours) as number;
  const piece = new Uint8Array(1 << 16);
  let sent: number | undefined;
  do sent = trySend(fd, piece);
  while (sent !== undefined && sent > 0);
  assert.is(sent, 0);
  const isClosed = new Promise((resolve) => theirs.once('close', resolve));
  theirs.destroy();
  await isClosed;
  assert.is(trySend(fd, piece), undefined);
  end();
});
