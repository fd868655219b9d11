import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { shell } from '../obligations/run-cli.js';
import { fingerprint, hashOf, patient, Workshop } from '../obligations/workshop.js';
import { buildImage } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { ask, run, serve } from './served-set.js';

/** The program that serves a set: from recovery to the last commit. */

const test = suite('serve');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('nbdinfo', 'nbdcopy', 'qemu-io'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** The set of the healthy spare, on a main whose sectors hold their numbers. */
function files(): { spare: string; main: string } {
  const main = Buffer.alloc(MAIN_SECTORS * SECTOR);
  for (let sector = 0; sector < MAIN_SECTORS; sector++) main.writeUInt32LE(sector, sector * SECTOR);
  return { spare: shop.put('spare.img', healthyImage()), main: shop.put('main.img', main) };
}

function stateOf(spare: string): number {
  return readFileSync(spare).readUInt32LE(56);
}

slow('clients see remapped sectors; what they write is there afterwards, and the set is clean', async () => {
  const { spare, main } = files();
  const marked = readFileSync(spare);
  marked.fill(0xaa, 17 * SECTOR, 18 * SECTOR);
  writeFileSync(spare, marked);
  const server = await serve(shop, spare, main);
  assert.is(stateOf(spare), 1, 'in use');
  assert.is((await run('nbdinfo', '--size', server.uri)).trim(), String(MAIN_SECTORS * SECTOR));
  assert.match(await run('nbdinfo', '--map=x-dmremap:sectors', server.uri), /\n\s+3584\s+1536\s+1/);
  const copy = shop.path('copy.img');
  await run('nbdcopy', '--connections=4', server.uri, copy);
  const expected = readFileSync(main);
  for (const [mainSector, spareSector] of [
    [7, 16],
    [8, 17],
    [9, 18],
    [1000, 19],
    [4095, 20],
  ] as const)
    marked.copy(expected, mainSector * SECTOR, spareSector * SECTOR, (spareSector + 1) * SECTOR);
  assert.ok(readFileSync(copy).equals(expected), 'the remapped device');
  await run('qemu-io', '-f', 'raw', '-c', 'write -P 0x5a 3k 4k', '-c', 'flush', server.uri);
  const { code } = await server.stop();
  assert.is(code, 0);
  assert.equal([stateOf(spare), judge(readFileSync(spare)).n], [0, 0]);
  assert.is(readFileSync(spare)[16 * SECTOR], 0x5a, 'sector 7 lives on the spare');
  assert.is(readFileSync(main).readUInt32LE(8 * SECTOR), 8, 'main is not written where it failed');
  assert.is(readFileSync(main)[6 * SECTOR], 0x5a);
});

slow('messages', async () => {
  const { spare, main } = files();
  const server = await serve(shop, spare, main);
  assert.is(statSync(server.control).mode & 0o777, 0o600);
  assert.match(
    await ask(server.control, 'status'),
    /^ok 0 4096 remap v3.0 5\/\d+ 0\/\d+ 5\/\d+ health=1 errors=W0:R0 auto_remaps=0 manual_remaps=5 scan=0% persist=enabled last_save=\d+$/,
  );
  assert.match(await ask(server.control, 'remap 100'), /^ok/);
  assert.match(await ask(server.control, 'remap 100'), /^error .*already/);
  assert.match(await ask(server.control, 'verify 100'), /^ok 100 spare \d+$/);
  assert.match(await ask(server.control, 'status'), /manual_remaps=6/);
  assert.match(await ask(server.control, 'unremap 100'), /^ok/);
  assert.match(await ask(server.control, 'remap 4096'), /^error/);
  assert.match(await ask(server.control, 'nonsense'), /^error/);
  assert.is(await ask(server.control, 'ping'), 'ok');
  const ended = server.stop('SIGCONT');
  assert.is(await ask(server.control, 'stop'), 'ok');
  assert.is((await ended).code, 0);
  assert.equal(judge(readFileSync(spare)).truth?.length, 5);
});

slow('a plain set counts while it is served', async () => {
  const { main } = files();
  const spare = shop.put(
    'plain.img',
    buildImage({ layout: 'plain', sectors: 2048, mainSectors: MAIN_SECTORS }),
  );
  const server = await serve(shop, spare, main);
  assert.match(await ask(server.control, 'remap 100'), /^ok/);
  assert.match(await ask(server.control, 'remap 200'), /^ok/);
  assert.match(await ask(server.control, 'status'), /manual_remaps=2 .*persist=enabled/);
  assert.is((await server.stop()).code, 0);
});

slow(
  'an entry of a plain set that finds no place for its undo file stays, and what is written to it',
  async () => {
    const { main } = files();
    const image = { layout: 'plain', sectors: 2048, mainSectors: MAIN_SECTORS } as const;
    const spare = shop.put('plain.img', buildImage(image));
    writeFileSync(shop.state, 'no folder');
    const server = await serve(shop, spare, main);
    for (const message of ['remap 5', 'remap 6']) assert.match(await ask(server.control, message), /^ok/);
    assert.match(await ask(server.control, 'unremap 5'), /^error .*undo/);
    assert.match(await ask(server.control, 'verify 5'), /^ok 5 spare/);
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 0x5a 2560 512', '-c', 'flush', server.uri);
    assert.is((await server.stop()).code, 0);
    const again = await serve(shop, spare, main);
    await run('qemu-io', '-f', 'raw', '-c', 'read -P 0x5a 2560 512', again.uri);
    assert.is((await again.stop()).code, 0);
  },
);

slow('a second server and every change are refused while it serves', async () => {
  const { spare, main } = files();
  const server = await serve(shop, spare, main);
  const again = await shop.run([
    'serve',
    spare,
    '--main',
    main,
    '--unix',
    shop.path('b.nbd'),
    '--control',
    shop.path('b.ctl'),
  ]);
  assert.is(again.code, 8, again.stderr);
  assert.is((await shop.run(['resize', spare, '--entries', '600', '--yes'])).code, 8);
  assert.is((await shop.run(['check', spare])).code, 0, 'in use is no problem');
  const sockets = ['--unix', shop.path('c.nbd'), '--control', shop.path('c.ctl')];
  const reading = ['serve', spare, '--main', main, ...sockets, '--read-only', '--run', 'true'];
  assert.match((await shop.run(reading)).stderr, /in use, and may change unseen: .*process \d+/);
  assert.is((await server.stop('SIGINT')).code, 0);
});

slow('killed, and served again: what was flushed is there', async () => {
  const { spare, main } = files();
  const server = await serve(shop, spare, main);
  await ask(server.control, 'remap 200');
  await run('qemu-io', '-f', 'raw', '-c', 'write -P 0x77 100k 1k', '-c', 'flush', server.uri);
  await server.stop('SIGKILL');
  assert.is((await shop.run(['check', spare])).code, 4, 'not shut down cleanly');
  const second = await serve(shop, spare, main);
  await run('qemu-io', '-f', 'raw', '-c', 'read -P 0x77 100k 1k', second.uri);
  assert.match(await ask(second.control, 'verify 200'), /^ok 200 spare/);
  assert.is((await second.stop()).code, 0);
});

slow('read-only writes nothing, whatever it has to recover', async () => {
  const { main } = files();
  const stale = healthyImage().fill(0, 0, 4096);
  const spare = shop.put('lame.img', stale);
  const before = [fingerprint(spare), fingerprint(main)];
  const server = await serve(shop, spare, main, ['--read-only']);
  assert.match(await run('nbdinfo', server.uri), 'is_read_only: true');
  await run('nbdcopy', server.uri, shop.path('copy.img'));
  assert.match(await ask(server.control, 'remap 9'), /^error/);
  assert.is((await server.stop()).code, 0);
  assert.equal([fingerprint(spare), fingerprint(main)], before);
});

slow('what waits for the operator is not served: 4', async () => {
  const spare = shop.put('twice.img', fixture('dup-main'));
  const main = shop.sparse('main.img', 2_000_000 * SECTOR);
  const before = hashOf(spare);
  const sockets = ['--unix', shop.path('a.nbd'), '--control', shop.path('a.ctl')];
  const ended = await shop.run(['serve', spare, '--main', main, ...sockets]);
  assert.is(ended.code, 4, ended.stderr);
  assert.match(ended.stdout, 'main-duplicate');
  assert.is(hashOf(spare), before);
  const plan = shop.path('plan.json');
  await shop.run(['repair', spare, '--answer', 'main-duplicate=keep-494', '--plan', plan]);
  const server = await serve(shop, spare, main, ['--read-only', '--plan', plan]);
  const planned = shop.path('planned.img');
  await run('nbdcopy', server.uri, planned);
  assert.is((await server.stop()).code, 0);
  assert.is(hashOf(spare), before);
  await shop.run(['repair', spare, '--apply', plan, '--yes']);
  const repaired = await serve(shop, spare, main);
  const applied = shop.path('applied.img');
  await run('nbdcopy', repaired.uri, applied);
  assert.is((await repaired.stop()).code, 0);
  assert.is(hashOf(planned), hashOf(applied), 'what is served after the plan');
});

slow(
  'the code says why a set is not served, also read-only: 4 where something waits, 8 where it is unknown',
  async () => {
    const main = shop.sparse('main.img', 2_000_000 * SECTOR);
    const sockets = ['--unix', shop.path('w.nbd'), '--control', shop.path('w.ctl')];
    for (const [name, code] of [
      ['dup-main', 4],
      ['plain-flip-table', 4],
      ['version-2', 8],
      ['incompat', 8],
      ['role-retired', 8],
    ] as const) {
      const spare = shop.put(`${name}.img`, fixture(name));
      for (const more of [[], ['--read-only']]) {
        const ended = await shop.run(['serve', spare, '--main', main, ...sockets, ...more, '--json']);
        assert.is(ended.code, code, `${name} ${more}: ${ended.stderr}`);
        const document = JSON.parse(ended.stdout);
        assert.is(document.error === undefined, code === 4, `${name} ${more}`);
      }
    }
  },
);

slow('--run lives as long as its command and ends with its code', async () => {
  const { spare, main } = files();
  const sockets = ['--unix', shop.path('r.nbd'), '--control', shop.path('r.ctl')];
  const command = 'nbdinfo --size "$uri" >&2; exit 7';
  const ended = await shop.run(['serve', spare, '--main', main, ...sockets, '--run', command]);
  assert.is(ended.code, 7, ended.stderr);
  assert.match(ended.stderr, String(MAIN_SECTORS * SECTOR));
  assert.is(stateOf(spare), 0);
});

slow('--detach goes on by itself; --pid-file tells who; SIGTERM ends it', async () => {
  const { spare, main } = files();
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
  const { spare } = files();
  const wrong = ['serve', spare, '--main', wide, ...sockets, '--detach'];
  const quiet = await shop.run([...wrong, '--quiet']);
  assert.is(quiet.code, 8);
  assert.match(quiet.stderr, 'is not the main of this set');
  const document = await shop.run([...wrong, '--json']);
  assert.is(document.code, 8);
  assert.is(JSON.parse(document.stdout).error.code, 'wrong-main');
});

slow('--detach --json tells the address', async () => {
  const { spare, main } = files();
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
    const { spare, main } = files();
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
  const { spare, main } = files();
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
  const { spare, main } = files();
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
  const { spare, main } = files();
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
  assert.is(judge(readFileSync(spare)).n, 0);
  assert.ok(before.length > 0);
});
