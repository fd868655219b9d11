import { connect } from 'node:net';
import { ask } from '../../src/control/client.js';
import { ControlServer } from '../../src/control/server.js';
import { fails, Scratch } from '../device/scratch.js';
import { assert, suite } from '../support/harness.js';
import { Recorder, STATUS_LINE } from './recorder.js';

/** The control socket: lines in, a line back for each. */

const test = suite('control');

let scratch: Scratch;
let path: string;
let recorder: Recorder;
let server: ControlServer;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());
test.beforeEach(async () => {
  path = scratch.path('control');
  recorder = new Recorder();
  server = new ControlServer(recorder);
  await server.listen({ kind: 'unix', path });
});
test.afterEach(async () => {
  await server.stop();
});

test('each message does what it says', async () => {
  for (const [message, answer] of [
    ['save', 'ok'],
    ['sync', 'ok'],
    ['status', `ok ${STATUS_LINE}`],
    ['metadata_status', `ok ${STATUS_LINE}`],
    ['restore', 'error 3 unsaved: save first'],
    ['restore discard', 'ok'],
    ['attach /dev/disk by/its  name', 'ok'],
    ['migrate SPARE=12', 'ok'],
    ['migrate-status', 'ok none'],
    ['migrate-cancel', 'ok'],
    ['remap 17', 'ok'],
    ['unremap 8-15', 'ok'],
    ['verify 3+2', 'ok 3 main'],
    ['ping', 'ok'],
    ['stop', 'error 2 clients'],
    ['stop force', 'ok'],
  ] as const)
    assert.is(await ask(path, message), answer, message);
  const wanted = ['save', 'save', 'restore discard', 'attach /dev/disk by/its  name'];
  wanted.push('migrate SPARE=12', 'migrate-cancel', 'remap 17+1');
  assert.equal(recorder.asked, [...wanted, 'unremap 8+8', 'stop force']);
});

test('what is no message is an error, and does nothing', async () => {
  for (const message of [
    '',
    'SAVE',
    'save now',
    'remap',
    'remap x',
    'remap -1',
    'remap 1 2',
    'attach',
    'migrate',
    'migrate-status now',
    'migrate-cancel now',
    'stop it',
  ])
    assert.match(await ask(path, message), /^error /, message);
  assert.match(await ask(path, 'nonsense'), /there is no message "nonsense": one of save, sync, /);
  assert.equal(recorder.asked, []);
});

test('a session of many lines, of which the last has no end', async () => {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end('ping\r\nremap 5\nremap 50\nremap 500');
  let answers = '';
  for await (const chunk of socket.setEncoding('utf8')) answers += chunk;
  assert.is(answers, 'ok\nok\nok\n');
  assert.equal(recorder.asked, ['remap 5+1', 'remap 50+1']);
});

test('what takes long holds up nobody else, and is answered on one line', async () => {
  const cleared = ask(path, 'clear');
  assert.is(await ask(path, 'ping'), 'ok');
  assert.is(await ask(path, 'status'), `ok ${STATUS_LINE}`);
  recorder.finishClear();
  assert.is(await cleared, 'ok 2 sectors moved back');
});

test('a line without end is refused before it fills the memory', async () => {
  const answer = await ask(path, 'x'.repeat(1 << 20)).catch((error: unknown) => String(error));
  assert.match(answer, /a message may be 8192 bytes long|ended|ECONNRESET|EPIPE/);
  assert.is(await ask(path, 'ping'), 'ok');
});

test('operators who say nothing are so many at most, and do not keep the server from stopping', async () => {
  const silent = Array.from({ length: 40 }, () => connect(path).on('error', () => {}));
  const ended = await new Promise<number>((resolve) => {
    let count = 0;
    for (const socket of silent) socket.on('close', () => ++count === 8 && resolve(count)).resume();
  });
  assert.is(ended, 8);
  await server.stop();
});

test('stopping waits for the answer that is under way', async () => {
  const cleared = ask(path, 'clear');
  assert.is(await ask(path, 'ping'), 'ok');
  const stopped = server.stop();
  recorder.finishClear();
  assert.is(await cleared, 'ok 2 sectors moved back');
  await stopped;
});

test('where no server is, the client says so', async () => {
  await fails('no-such-device', ask(scratch.path('nobody'), 'ping'), /no server answers/);
  await server.stop();
  await fails('no-such-device', ask(path, 'ping'), /no server answers/);
});
