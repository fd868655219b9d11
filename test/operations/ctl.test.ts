import { statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { makeRunFolder, type RunFolder, runFolder, servedSets, socketsOf } from '../../src/control/places.js';
import { ControlServer } from '../../src/control/server.js';
import { DmremapError } from '../../src/errors.js';
import { ctl } from '../../src/operations/ctl.js';
import { Recorder } from '../control/recorder.js';
import { fails, Scratch } from '../device/scratch.js';
import { assert, suite } from '../support/harness.js';

/** Which server a message goes to, and what comes back. */

const test = suite('ctl');

const [ONE, TWO] = ['11111111-2222-4333-8444-555555555555', '66666666-7777-4888-8999-aaaaaaaaaaaa'] as const;

let scratch: Scratch;
let folder: RunFolder;
const servers: ControlServer[] = [];
test.beforeEach(async () => {
  scratch = new Scratch();
  folder = { path: scratch.path('run/dmremap') };
  await makeRunFolder(folder);
});
test.afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  scratch.cleanUp();
});

async function serve(uuid: string): Promise<Recorder> {
  const recorder = new Recorder();
  const server = new ControlServer(recorder);
  await server.listen({ kind: 'unix', path: socketsOf(folder, uuid).control });
  servers.push(server);
  return recorder;
}

const told = (words: readonly string[], more: { set?: string; control?: string } = {}) =>
  ctl({ words, ...more, folder: () => folder });

test('the folder is the user’s alone', () => {
  assert.is(statSync(folder.path).mode & 0o777, 0o700);
  assert.equal(runFolder({}, true), { path: '/run/dmremap' });
  assert.equal(runFolder({ XDG_RUNTIME_DIR: '/run/user/7' }, false), { path: '/run/user/7/dmremap' });
  for (const environment of [{}, { XDG_RUNTIME_DIR: '' }, { XDG_RUNTIME_DIR: 'run' }])
    assert.throws(
      () => runFolder(environment, false),
      (error: unknown) => error instanceof DmremapError,
    );
});

test('with one server running, nothing has to be named', async () => {
  const recorder = await serve(ONE);
  assert.is(await told(['remap', '5']), '');
  await fails('io', told(['stop']), /^2 clients$/);
  assert.is(await told(['verify', '7']), '7 main');
  assert.equal(recorder.asked, ['remap 5+1']);
});

test('what a dead server left does not count', async () => {
  writeFileSync(socketsOf(folder, TWO).control, '');
  await fails('no-such-device', told(['ping']), /no server is running/);
  await serve(ONE);
  assert.equal((await servedSets(folder)).sort(), [ONE, TWO]);
  assert.is(await told(['ping']), '');
});

test('with several servers running, one has to be named, by its set or by its socket', async () => {
  const [one, two] = [await serve(ONE), await serve(TWO)];
  const error = await fails('ambiguous', told(['save']), /2 servers/);
  assert.equal([...(error.data['sets'] as string[])].sort(), [ONE, TWO]);
  await told(['save'], { set: TWO });
  await told(['save'], { control: socketsOf(folder, ONE).control });
  assert.equal([one.asked, two.asked], [['save'], ['save']]);
});

test('a message is one line, and an answer is one of a server', async () => {
  const recorder = await serve(ONE);
  await fails('usage', told(['attach', 'a\nstop force']), /one line/);
  assert.equal(recorder.asked, []);
  const path = scratch.path('other');
  const other = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n'));
  await new Promise<void>((resolve) => other.listen(path, resolve));
  await fails('io', told(['ping'], { control: path }), /HTTP/);
  await new Promise((resolve) => other.close(resolve));
});

test('a set that is not served, and no folder at all', async () => {
  await fails('no-such-device', told(['ping'], { set: ONE }), /no server answers/);
  const nowhere = { path: scratch.path('nowhere') };
  await fails('no-such-device', ctl({ words: ['ping'], folder: () => nowhere }), /no server is running/);
});
