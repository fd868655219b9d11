import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { fingerprint, hashOf, patient, Workshop } from '../obligations/workshop.js';
import { buildImage } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { ask, files, run, serve, stateOf } from './served-set.js';

/** The program that serves a set: from recovery to the last commit. */

const test = suite('serve');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('nbdinfo', 'nbdcopy', 'qemu-io'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

slow('clients see remapped sectors; what they write is there afterwards, and the set is clean', async () => {
  const { spare, main } = files(shop);
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
  const { spare, main } = files(shop);
  const server = await serve(shop, spare, main);
  assert.is(statSync(server.control).mode & 0o777, 0o600);
  assert.match(
    await ask(server.control, 'status'),
    /^ok 0 4096 remap v3.0 5\/\d+ 0\/\d+ 5\/\d+ health=1 errors=W0:R0 auto_remaps=0 manual_remaps=5 scan=0% persist=enabled last_save=\d+$/,
  );
  assert.match(await ask(server.control, 'remap 100'), /^ok/);
  assert.match(await ask(server.control, 'remap 100'), /^error .*already/);
  assert.match(await ask(server.control, 'verify 100'), /^ok 100 spare \d+$/);
  assert.match(await ask(server.control, 'verify 99999999'), /^error main ends before sector 99999999/);
  assert.match(await ask(server.control, 'status'), /manual_remaps=6/);
  assert.match(await ask(server.control, 'unremap 100'), /^ok/);
  assert.match(await ask(server.control, 'remap 4096'), /^error/);
  assert.match(await ask(server.control, 'remap 4093-4096'), /^error the device ends before sector 4096$/);
  assert.match(
    await ask(server.control, 'remap 4093-4095'),
    /^error .*sector 4095 is remapped already \(2 of 3 were remapped\)$/,
  );
  assert.match(await ask(server.control, 'unremap 4093-4094'), /^ok/);
  assert.match(await ask(server.control, 'nonsense'), /^error/);
  assert.is(await ask(server.control, 'ping'), 'ok');
  const ended = server.stop('SIGCONT');
  assert.is(await ask(server.control, 'stop'), 'ok');
  assert.is((await ended).code, 0);
  assert.equal(judge(readFileSync(spare)).truth?.length, 5);
});

slow('a plain set counts while it is served', async () => {
  const { main } = files(shop);
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
    const { main } = files(shop);
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
  const { spare, main } = files(shop);
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
  const { spare, main } = files(shop);
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
  const { main } = files(shop);
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
