import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { readCertificates, readPreSharedKeys, secureWith } from '../../src/server/tls.js';
import { fails, numbered, Scratch, until } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';
import { clientFlags, infoData, join, option, sendOption } from '../support/nbd-bytes.js';
import { Authority } from './certificates.js';
import { Served } from './served.js';

/** TLS by certificates and by pre-shared keys, with clients that use another library for it. */

const test = suite('server tls');

const SIZE = 1 << 22;

let scratch: Scratch;
let authority: Authority;
let serverFolder: string;
let clientFolder: string;
test.before(() => {
  needs('openssl');
  scratch = new Scratch();
  authority = new Authority(scratch, 'ours');
  serverFolder = authority.folder('server');
  clientFolder = authority.folder('client');
});
test.after(() => scratch.cleanUp());

async function withCertificates(tcp = true): Promise<Served> {
  const secure = secureWith(await readCertificates(serverFolder));
  return Served.start(scratch, { tcp, size: SIZE, secure });
}

const PSK_USER = 'anna';

async function withKeys(tcp = true): Promise<Served> {
  const file = scratch.path('keys.psk');
  writeFileSync(file, `# who may\nbert:00ff\n${PSK_USER}:${'0123456789abcdef'.repeat(4)}\n`);
  const secure = secureWith(await readPreSharedKeys(file));
  return Served.start(scratch, { tcp, size: SIZE, secure });
}

/** The address for libnbd, with its credentials. */
function certified(served: Served, folder = clientFolder): string {
  return withParameter(served.uri, `tls-certificates=${folder}`);
}

function keyed(served: Served, user = PSK_USER, file = scratch.path('keys.psk')): string {
  const uri = withParameter(served.uri, `tls-psk-file=${file}`);
  return uri.replace('://', `://${user}@`);
}

function withParameter(uri: string, parameter: string): string {
  return `${uri}${uri.includes('?') ? '&' : '?'}${parameter}`;
}

for (const tcp of [true, false]) {
  const way = tcp ? 'TCP' : 'Unix';

  test(`${way}: nbdinfo and nbdcopy by certificate`, async () => {
    needs('nbdinfo', 'nbdcopy');
    const served = await withCertificates(tcp);
    // on a Unix socket there is no host name to verify
    const uri = tcp ? certified(served) : withParameter(certified(served), 'tls-verify-peer=false');
    assert.match(await served.run('nbdinfo', uri), /newstyle-fixed with TLS/);
    const copy = scratch.path(`tls-${way}`);
    writeFileSync(copy, numbered(SIZE, 5));
    await served.run('nbdcopy', '--connections=4', '--threads=4', copy, uri);
    assert.equal(served.content(), numbered(SIZE, 5));
    await served.run('cmp', copy, served.image);
    await served.run('nbdcopy', '--connections=4', '--threads=4', uri, copy);
    await served.run('cmp', copy, served.image);
    await served.stop();
  });

  test(`${way}: nbdinfo and nbdcopy by pre-shared key`, async () => {
    needs('nbdinfo', 'nbdcopy');
    const served = await withKeys(tcp);
    assert.match(await served.run('nbdinfo', keyed(served)), /newstyle-fixed with TLS/);
    const copy = scratch.path(`psk-${way}`);
    await served.run('nbdcopy', keyed(served), copy);
    await served.run('cmp', copy, served.image);
    await served.stop();
  });
}

test('qemu-img by certificate', async () => {
  needs('qemu-img');
  const certificates = await withCertificates();
  const { port } = new URL(certificates.uri);
  const object = `tls-creds-x509,id=t,endpoint=client,dir=${clientFolder}`;
  const image = `driver=nbd,host=127.0.0.1,port=${port},export=disk,tls-creds=t`;
  assert.match(
    await certificates.run('qemu-img', 'info', '--object', object, '--image-opts', image),
    /4 MiB/,
  );
  await certificates.stop();
});

test('a client without a certificate, or with one of another authority, is turned away', async () => {
  needs('nbdinfo');
  const served = await withCertificates();
  const stranger = new Authority(scratch, 'strange').folder('client');
  const anonymous = scratch.folderAt('anonymous');
  await served.run('cp', `${serverFolder}/ca-cert.pem`, anonymous);
  for (const folder of [stranger, anonymous]) {
    const uri = withParameter(certified(served, folder), 'tls-verify-peer=false');
    assert.is.not((await served.tried(['nbdinfo', uri])).code, 0);
  }
  const turnedAway = () => served.events.filter((event) => /disconnected ended: TLS: /.test(event));
  await until(() => turnedAway().length === 2, 'the end of both connections');
  assert.is(
    served.events.some((event) => event.includes('attached')),
    false,
  );
  assert.is((await served.tried(['nbdinfo', certified(served)])).code, 0);
  await served.stop();
});

test('a client with a wrong key or an unknown name is turned away', async () => {
  needs('nbdinfo');
  const served = await withKeys();
  const wrong = scratch.path('wrong.psk');
  writeFileSync(wrong, `${PSK_USER}:${'00'.repeat(32)}\ncarl:${'00'.repeat(32)}\n`);
  for (const user of [PSK_USER, 'carl'])
    assert.is.not((await served.tried(['nbdinfo', keyed(served, user, wrong)])).code, 0);
  assert.is((await served.tried(['nbdinfo', keyed(served)])).code, 0);
  await served.stop();
});

test('a client that does not begin TLS is told to', async () => {
  needs('qemu-img');
  const served = await withCertificates();
  const plain = served.uri.replace('nbds:', 'nbd:');
  const { code, stderr } = await served.tried(['qemu-img', 'info', plain]);
  assert.is(code, 1);
  assert.match(stderr, /TLS has to be begun first/);
  await served.stop();
});

test('what was sent in plain behind STARTTLS is never taken for an option', async () => {
  const served = await withCertificates();
  const { port } = new URL(served.uri);
  const socket = connect(Number(port), '127.0.0.1');
  const got = collect(socket);
  socket.write(join(clientFlags(), sendOption(option.startTls), sendOption(option.go, infoData('disk'))));
  const answer = await got;
  assert.is(answer.subarray(18, 38).toString('hex'), '0003e889045565a9000000050000000100000000');
  // a TLS alert at most
  assert.ok(answer.length <= 38 + 7, answer.toString('hex'));
  await until(() => /disconnected ended: TLS: /.test(served.events.join('\n')), 'the end of TLS');
  assert.not.match(served.events.join('\n'), /attached/);
  await served.stop();
});

test('a client that leaves in the midst of the TLS handshake is gone', async () => {
  const served = await withCertificates();
  const { port } = new URL(served.uri);
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  socket.end(join(clientFlags(), sendOption(option.startTls)));
  await until(() => /disconnected/.test(served.events.join()), 'the end of the connection');
  await served.stop();
});

test('a TLS handshake that never comes ends with the time for it', async () => {
  const secure = secureWith(await readCertificates(serverFolder));
  const served = await Served.start(scratch, { tcp: true, secure, handshakeTime: 300 });
  const { port } = new URL(served.uri);
  const socket = connect(Number(port), '127.0.0.1');
  const got = collect(socket);
  socket.write(join(clientFlags(), sendOption(option.startTls)));
  await got;
  const ended = /disconnected limit: the handshake took too long/;
  await until(() => served.events.some((event) => ended.test(event)), 'the end of the connection');
  await served.stop();
});

test('many handshakes at a time, of which some fail: each ends as it should', async () => {
  needs('nbdinfo');
  const served = await withCertificates();
  const { port } = new URL(served.uri);
  const outcomes = Array.from({ length: 12 }, async (_, index) => {
    if (index % 3 > 0) return (await served.tried(['nbdinfo', '--size', certified(served)])).code;
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    const got = collect(socket);
    socket.write(join(clientFlags(), sendOption(option.startTls)));
    if (index % 2 > 0) socket.end('no TLS at all');
    else socket.once('data', () => socket.destroy());
    await got;
    return undefined;
  });
  const codes = (await Promise.all(outcomes)).filter((code) => code !== undefined);
  assert.equal(
    codes,
    Array.from({ length: 8 }, () => 0),
  );
  await until(
    () => served.events.filter((event) => event.includes('disconnected')).length === 12,
    'the end of all',
  );
  await served.stop();
});

test('credentials that cannot be used are an error before anybody is let in', async () => {
  await fails('usage', readCertificates(clientFolder), /server-cert\.pem/);
  await fails('usage', readPreSharedKeys(scratch.path('nowhere')), /nowhere/);
  const file = scratch.path('bad.psk');
  writeFileSync(file, 'anna:0g\n');
  await fails('usage', readPreSharedKeys(file), /line 1/);
  const { key: _, ...unpaired } = await readCertificates(serverFolder);
  const other = await readCertificates(new Authority(scratch, 'other').folder('server'));
  const { key } = other;
  if (key === undefined) throw new Error('no key was read');
  await fails('usage', (async () => secureWith({ ...unpaired, key }))(), /TLS/);
});

/** All that comes until the other side ends or drops the connection. */
function collect(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(parts))));
}
