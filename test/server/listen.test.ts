import { spawn } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { inheritedSockets } from '../../src/server/activation.js';
import { listen } from '../../src/server/listen.js';
import { nbdUri } from '../../src/server/uri.js';
import { fails, Scratch, until } from '../device/scratch.js';
import { runProgram } from '../obligations/run-cli.js';
import { assert, needs, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';

/** Where clients are awaited: who may connect, whose sockets are replaced, and what systemd passes on. */

const test = suite('server listen');

let scratch: Scratch;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

const nobody = { client: (): void => {}, lost: (): void => {} };

const unix = (path: string) => ({ kind: 'unix', path }) as const;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

test('a Unix socket is the user’s alone, and gone when the server is', async () => {
  const path = scratch.path('mode');
  const umask = process.umask(0);
  const server = await listen(unix(path), nobody);
  assert.is(process.umask(umask), 0, 'the umask of the process was changed');
  assert.is(statSync(path).mode & 0o777, 0o600);
  await close(server);
  assert.not.ok(existsSync(path));
});

test('a socket that a dead server left is replaced', async () => {
  const path = scratch.path('stale');
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', program]).once('close', resolve));
  assert.ok(existsSync(path));
  const server = await listen(unix(path), { ...nobody, client: (socket) => socket.end('here') });
  const found = await new Promise<string>((resolve) =>
    connect(path).once('data', (data) => resolve(`${data}`)),
  );
  assert.is(found, 'here');
  await close(server);
});

test('a socket on which somebody answers is left alone', async () => {
  const path = scratch.path('taken');
  const first = await listen(unix(path), { ...nobody, client: (socket) => socket.end() });
  await fails('busy', listen(unix(path), nobody), /somebody answers/);
  assert.ok(statSync(path).isSocket());
  await close(first);
});

test('what is no socket is left alone', async () => {
  const path = scratch.path('file');
  writeFileSync(path, 'precious');
  await fails('usage', listen(unix(path), nobody), /no socket/);
  assert.is(statSync(path).size, 8);
});

test('a place that is not there, a port that is taken', async () => {
  await fails('usage', listen(unix(scratch.path('no/where')), nobody), /no folder/);
  await fails('usage', listen(unix(`/tmp/${'x'.repeat(103)}`), nobody), /too long/);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const bound = other.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  await fails('busy', listen({ kind: 'tcp', host: '127.0.0.1', port }, nobody), /127\.0\.0\.1:\d+ is in use/);
  await close(other);
});

test('the address of an export, for clients', () => {
  assert.is(nbdUri(unix('/run/a b/x?.nbd'), '', false), 'nbd+unix:///?socket=/run/a%20b/x%3F.nbd');
  assert.is(nbdUri(unix('/s'), 'a/b', true), 'nbds+unix:///a%2Fb?socket=/s');
  assert.is(nbdUri({ kind: 'tcp', host: '::1', port: 10809 }, 'd', false), 'nbd://[::1]:10809/d');
});

test('sockets of systemd are those that are meant for this process', () => {
  const given = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'nbd:control' };
  assert.equal(inheritedSockets(given, 42), [
    { fd: 3, name: 'nbd' },
    { fd: 4, name: 'control' },
  ]);
  assert.equal(inheritedSockets({ LISTEN_PID: '42', LISTEN_FDS: '1' }, 42), [{ fd: 3, name: 'unknown' }]);
  for (const wrong of [{ LISTEN_PID: '43' }, { LISTEN_FDS: '-1' }, { LISTEN_FDS: '0' }, { LISTEN_FDS: 'x' }])
    assert.equal(inheritedSockets({ ...given, ...wrong }, 42), []);
  assert.equal(inheritedSockets({}, 42), []);
});

test('more clients than there are file descriptors: the rest is lost, the server is not', async () => {
  needs('nbdinfo');
  const program = join(PROJECT, 'dist', 'test', 'support', 'serve-file.js');
  const path = scratch.path('few');
  const limited = ['-c', 'ulimit -n 40; exec "$0" "$@"', process.execPath, program];
  const child = spawn('bash', [...limited, scratch.image('few.img', 1 << 20), path], { stdio: 'inherit' });
  await until(() => existsSync(path), 'the server');
  const sockets = Array.from({ length: 80 }, () => connect(path).on('error', () => {}));
  await until(() => sockets.filter(({ destroyed }) => destroyed).length > 20, 'clients that are lost');
  for (const socket of sockets) socket.destroy();
  const size = () => runProgram(['nbdinfo', '--size', `nbd+unix:///?socket=${path}`]);
  let found = await size();
  for (let tries = 0; found.code !== 0 && tries < 20; tries++) found = await size();
  assert.is(found.code, 0, found.stderr);
  child.kill();
});

test('socket activation: the client starts the server', async () => {
  needs('nbdinfo');
  const image = scratch.image('activated', 1 << 20);
  const program = join(PROJECT, 'dist', 'test', 'support', 'serve-file.js');
  const { code, stdout, stderr } = await runProgram([
    'nbdinfo',
    '--size',
    '--',
    '[',
    process.execPath,
    program,
    image,
    ']',
  ]);
  assert.is(code, 0, stderr);
  assert.is(stdout.trim(), `${1 << 20}`);
});
