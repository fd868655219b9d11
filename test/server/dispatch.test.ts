import { readFileSync, writeFileSync } from 'node:fs';
import { Dispatch } from '../../src/server/dispatch.js';
import { Scratch } from '../device/scratch.js';
import { attached, DISK_SIZE, type Peer } from '../nbd/peer.js';
import { FileServedDevice } from '../support/file-served-device.js';
import { assert, suite } from '../support/harness.js';
import { command, sendRequest, simpleReply } from '../support/nbd-bytes.js';

const test = suite('dispatch');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

test('a write that waits for its medium writes what came, whatever becomes of the bytes of the stream', async () => {
  const path = scratch.path('disk.img');
  writeFileSync(path, Buffer.alloc(DISK_SIZE));
  let goOn = (): void => undefined;
  const medium = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const device = new FileServedDevice(path, { wait: () => medium });
  let dispatch: Dispatch | undefined;
  const told: string[] = [];
  const peer: Peer = attached({
    answer: ({ memory, transmission }, request) => {
      dispatch ??= new Dispatch(device, memory, transmission, {
        answered: () => told.push('answered'),
        failed: (_request, errno) => told.push(errno),
      });
      dispatch.run(request);
    },
  });
  const data = Buffer.alloc(1024, 0x61);
  const stream = sendRequest({ type: command.write, cookie: 7n, offset: 512, data });
  assert.is(peer.session.receive(stream), stream.length);
  // as the next read from the socket does
  stream.fill(0x7a);
  goOn();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told, ['answered']);
  assert.equal(peer.sent(), simpleReply(7n));
  assert.is(peer.memory.out, 0);
  device.close();
  assert.equal(readFileSync(path).subarray(512, 1536), data);
});
