import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { getPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { MAIN_SECTORS } from '../obligations/commands.js';
import { DMREMAP, runProgram, shell } from '../obligations/run-cli.js';
import { fingerprint, hashOf, patient, Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { ask, files, run, serve, stateOf } from './served-set.js';

/** The process that serves: its output, its end, what it starts and what it leaves behind. */

const test = suite('serve as a process');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('nbdinfo'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

slow('--run lives as long as its command and ends with its code', async () => {
  const { spare, main } = files(shop);
  const sockets = ['--unix', shop.path('r.nbd'), '--control', shop.path('r.ctl')];
  const command = 'nbdinfo --size "$uri" >&2; exit 7';
  const ended = await shop.run(['serve', spare, '--main', main, ...sockets, '--run', command]);
  assert.is(ended.code, 7, ended.stderr);
  assert.match(ended.stderr, String(MAIN_SECTORS * SECTOR));
  assert.is(stateOf(spare), 0);
});

slow('--run: a command that does not end when it is asked to is ended, and the set is clean', async () => {
  const { spare, main } = files(shop);
  const pidFile = shop.path('command.pid');
  const command = `trap "" TERM; echo $$ > ${pidFile}; while :; do sleep 0.1; done`;
  const server = await serve(shop, spare, main, ['--run', command]);
  for (let tries = 0; !existsSync(pidFile) && tries < 100; tries++) await delay(50);
  assert.is((await server.stop()).code, 0);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.is(stateOf(spare), 0);
});

slow(
  'a server goes ahead of those that compute where it may, its command does not, and what was chosen stays',
  async () => {
    const { spare, main } = files(shop);
    const sockets = ['--unix', shop.path('n.nbd'), '--control', shop.path('n.ctl')];
    // the nineteenth field of a process's status is its nice value
    const command = 'nice >&2; cut -d " " -f 19 /proc/$PPID/stat >&2';
    const line = [
      process.execPath,
      DMREMAP,
      'serve',
      spare,
      '--main',
      main,
      ...sockets,
      '--quiet',
      '--run',
      command,
    ];
    const reached = async (...nice: readonly string[]): Promise<number[]> =>
      (await runProgram([...nice, ...line])).stderr.trim().split(/\s+/).map(Number);
    const own = getPriority();
    const allowed = Number((await runProgram(['nice', '-n', '-10', 'nice'])).stdout);
    assert.equal(await reached(), [own, own === 0 ? allowed : own]);
    const chosen = Math.min(19, own + 5);
    assert.equal(await reached('nice', '-n', '5'), [chosen, chosen]);
  },
);

slow('the URI is one that a client can ask for, wherever it is', async () => {
  const { spare, main } = files(shop);
  const control = ['--control', shop.path('u.ctl')];
  const size = 'nbdinfo --size "$uri" >&2';
  for (const bind of ['0.0.0.0', '::']) {
    const place = ['--port', '0', '--bind', bind, '--insecure', ...control];
    const ended = await shop.run(['serve', spare, '--main', main, ...place, '--run', size]);
    assert.is(ended.code, 0, ended.stderr);
    assert.not.ok(ended.stdout.includes('//0.0.0.0:') || ended.stdout.includes('//[::]:'), ended.stdout);
  }
  const line = ['serve', spare, '--main', main, '--unix', 'relative.nbd', '--control', 'relative.ctl'];
  const ended = await shop.run([...line, '--run', `cd / && ${size}`], { cwd: shop.folder });
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, `--control ${shop.path('relative.ctl')}`);
  const long = await shop.run(['serve', spare, '--main', main, ...control, '--export', 'é'.repeat(2049)]);
  assert.is(long.code, 16, long.stderr);
});

slow('--metrics 0 says where they are', async () => {
  const { spare, main } = files(shop);
  const sockets = ['--unix', shop.path('m.nbd'), '--control', shop.path('m.ctl')];
  const command = 'sleep 0.1';
  const line = ['serve', spare, '--main', main, ...sockets, '--metrics', '0', '--run', command];
  const ended = await shop.run(line);
  assert.match(ended.stderr, /^metrics: http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics$/m);
});

slow('--detach goes on by itself; --pid-file tells who; SIGTERM ends it', async () => {
  const { spare, main } = files(shop);
  const [pidFile, log] = [shop.path('pid'), shop.path('log')];
  const sockets = ['--unix', shop.path('d.nbd'), '--control', shop.path('d.ctl')];
  const line = [
    'serve',
    spare,
    '--main',
    main,
    ...sockets,
    '--detach',
    '--pid-file',
    pidFile,
    '--log-file',
    log,
  ];
  const ended = await shop.run(line);
  assert.is(ended.code, 0, ended.stderr);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.is((await run('nbdinfo', '--size', ended.stdout.trim())).trim(), String(MAIN_SECTORS * SECTOR));
  assert.is((await shop.run(line)).code, 8, 'the child tells why it could not');
  process.kill(pid, 'SIGTERM');
  for (let tries = 0; existsSync(pidFile) && tries < 100; tries++) await delay(50);
  assert.not.ok(existsSync(pidFile));
  assert.is(stateOf(spare), 0);
  for (const row of readFileSync(log, 'utf8').trim().split('\n')) assert.ok(JSON.parse(row).msg);
});

slow('--detach fails as its child does, in text and JSON', async () => {
  const twice = shop.put('twice.img', fixture('dup-main'));
  const wide = shop.sparse('wide.img', 2_000_000 * SECTOR);
  const sockets = ['--unix', shop.path('f.nbd'), '--control', shop.path('f.ctl')];
  const waits = await shop.run(['serve', twice, '--main', wide, ...sockets, '--detach']);
  assert.is(waits.code, 4, waits.stderr);
  assert.match(waits.stdout, 'main-duplicate');
  const { spare } = files(shop);
  const wrong = ['serve', spare, '--main', wide, ...sockets, '--detach'];
  const quiet = await shop.run([...wrong, '--quiet']);
  assert.is(quiet.code, 8);
  assert.match(quiet.stderr, 'is not the main of this set');
  const document = await shop.run([...wrong, '--json']);
  assert.is(document.code, 8);
  assert.is(JSON.parse(document.stdout).error.code, 'wrong-main');
});

slow('--detach --json tells the address', async () => {
  const { spare, main } = files(shop);
  const [pidFile, control] = [shop.path('pid'), shop.path('j.ctl')];
  const sockets = ['--unix', shop.path('j.nbd'), '--control', control, '--pid-file', pidFile];
  const ended = await shop.run(['serve', spare, '--main', main, ...sockets, '--detach', '--json']);
  assert.is(ended.code, 0, ended.stderr);
  const { uri } = JSON.parse(ended.stdout);
  assert.is((await run('nbdinfo', '--size', uri)).trim(), String(MAIN_SECTORS * SECTOR));
  assert.is(await ask(control, 'stop'), 'ok');
  for (let tries = 0; existsSync(pidFile) && tries < 100; tries++) await delay(50);
  assert.is(stateOf(spare), 0);
});

slow('a reader of its output that goes, and a full disk, end no server', async () => {
  const control = shop.path('o.ctl');
  for (const [output, code] of [
    ['| true', 0],
    ['> /dev/full', 8],
    ['--json | true', 0],
  ] as const) {
    const { spare, main } = files(shop);
    const words = [spare, '--main', main, '--unix', shop.path('o.nbd'), '--control', control];
    const ended = shell(`$dmremap serve "$@" ${output}`, words, { env: shop.env });
    for (let tries = 0; !existsSync(control) && tries < 200; tries++) await delay(50);
    await delay(500);
    assert.is(stateOf(spare), 1, `${output}: in use`);
    assert.is(await ask(control, 'stop'), 'ok');
    assert.is((await ended).code, code, output);
    assert.is(stateOf(spare), 0, output);
  }
});

slow('what systemd tells the server does not reach the command of --run', async () => {
  const { spare, main } = files(shop);
  const sockets = ['--unix', shop.path('e.nbd'), '--control', shop.path('e.ctl')];
  const settings = { env: { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'x', NOTIFY_SOCKET: '/none' } };
  const command = 'env | grep -cE "^(LISTEN_|NOTIFY_)"; exit 0';
  const ended = await shop.run(
    ['serve', spare, '--main', main, ...sockets, '--run', command, '--quiet'],
    settings,
  );
  assert.equal([ended.code, ended.stdout.trim().split('\n').pop()], [0, '0'], ended.stderr);
});

slow('--pid-file and --log-file replace no image and write on no device', async () => {
  const { spare, main } = files(shop);
  const before = hashOf(main);
  const sockets = ['--unix', shop.path('p.nbd'), '--control', shop.path('p.ctl')];
  const line = ['serve', spare, '--main', main, ...sockets];
  const loop = shop.sparse('loop.img', 4096 * SECTOR);
  const device = (await run('losetup', '--find', '--show', loop)).trim();
  try {
    for (const more of [
      ['--pid-file', main],
      ['--pid-file', device],
      ['--log-file', device],
      ['--log-file', main],
    ])
      assert.is((await shop.run([...line, ...more])).code, 16, more.join(' '));
  } finally {
    await run('losetup', '--detach', device);
  }
  assert.equal([hashOf(main), stateOf(spare)], [before, 0]);
  assert.is(
    readFileSync(loop).findIndex((byte) => byte !== 0),
    -1,
  );
  const left = shop.put('left.pid', Buffer.from('4711\n'));
  const server = await serve(shop, spare, main, ['--pid-file', left]);
  assert.is(readFileSync(left, 'utf8'), `${server.child.pid}\n`);
  assert.is((await server.stop()).code, 0);
});

slow('an address that others can reach wants TLS or --insecure', async () => {
  const { spare, main } = files(shop);
  const before = fingerprint(spare);
  for (const more of [
    ['--port', '0', '--bind', '0.0.0.0'],
    ['--metrics', '0.0.0.0:0'],
    ['--metrics', 'x'],
    ['--port', '70000'],
    ['--scan', '0'],
  ]) {
    const sockets = ['--unix', shop.path('i.nbd'), '--control', shop.path('i.ctl')];
    const ended = await shop.run(['serve', spare, '--main', main, ...sockets, ...more]);
    assert.is(ended.code, 16, `${more}: ${ended.stderr}`);
  }
  assert.is(fingerprint(spare), before);
});

/** What a server may write to that nobody reads from, each behind the name of a shell's redirection. */
const UNREAD: Readonly<Record<string, (shop: Workshop) => string>> = {
  'a socket': () => '',
  'a named pipe': (shop) => {
    execFileSync('mkfifo', [shop.path('pipe')]);
    const held = openSync(shop.path('pipe'), constants.O_RDWR);
    shop.atEnd(() => closeSync(held));
    return `2> ${shop.path('pipe')}`;
  },
};

for (const [kind, redirection] of Object.entries(UNREAD))
  slow(`a log that nobody reads, ${kind}, stops nobody`, async () => {
    const { spare, main } = files(shop);
    const [socket, control] = [shop.path('l.nbd'), shop.path('l.ctl')];
    const line = [process.execPath, DMREMAP, 'serve', spare, '--main', main, '--verbose'];
    const command = `exec ${[...line, '--unix', socket, '--control', control].join(' ')} ${redirection(shop)}`;
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
    shop.atEnd(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    // two lines each: several times what a pipe or a socket holds
    for (let client = 0; client < 4000; client++) {
      const connection = connect(socket);
      await once(connection, 'data');
      connection.destroy();
    }
    assert.is(
      (await run('nbdinfo', '--size', `nbd+unix:///?socket=${socket}`)).trim(),
      String(MAIN_SECTORS * SECTOR),
    );
    child.kill('SIGTERM');
    assert.equal(await ended, [0, null]);
    assert.is(stateOf(spare), 0);
  });
