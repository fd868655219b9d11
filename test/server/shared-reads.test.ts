import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { descriptorOf } from '../../src/server/handle.js';
import { readShared } from '../../src/server/shared-reads.js';
import { assert, suite } from '../support/harness.js';

/** What the system says of a connection that is read past Node. */

const test = suite('shared reads');

/** The server's end of a connection, and the client's, which knows that it stands. */
async function connected(): Promise<{ ours: Socket; theirs: Socket; fd: number }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[ours]] = (await Promise.all([once(server, 'connection'), once(theirs, 'connect')])) as [
    [Socket],
    [],
  ];
  server.close();
  ours.on('error', () => undefined);
  return { ours, theirs, fd: descriptorOf(ours) as number };
}

test('nothing has come, then something, then the end', async () => {
  const { ours, theirs, fd } = await connected();
  assert.is(readShared(fd), undefined);
  theirs.write('some');
  assert.equal(Buffer.from(readShared(fd) as Uint8Array).toString(), 'some');
  theirs.destroy();
  assert.is(readShared(fd), undefined);
  ours.destroy();
});

test('a reset is an error', async () => {
  const { ours, theirs, fd } = await connected();
  theirs.resetAndDestroy();
  const failure = readShared(fd);
  assert.instance(failure, Error);
  assert.is((failure as Error).message, 'read ECONNRESET');
  ours.destroy();
});
