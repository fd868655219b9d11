import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { numbered, Scratch } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';
import { Served } from './served.js';

/** What real clients see and leave behind, over Unix sockets and over TCP. */

const test = suite('server clients');

const SIZE = 1 << 24;
const SECTOR = 512;

let scratch: Scratch;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

for (const tcp of [false, true]) {
  const way = tcp ? 'TCP' : 'Unix';
  const start = (settings = {}) => Served.start(scratch, { tcp, size: SIZE, ...settings });

  test(`${way}: nbdinfo shows the export and all that it can do`, async () => {
    needs('nbdinfo');
    const served = await start();
    const [found] = JSON.parse(await served.run('nbdinfo', '--json', 'URI')).exports;
    delete found.uri;
    assert.equal(found, {
      'export-name': 'disk',
      description: 'a disk',
      content: found.content,
      contexts: ['base:allocation', 'x-dmremap:sectors'],
      is_rotational: false,
      is_read_only: false,
      can_cache: true,
      can_df: true,
      can_fast_zero: true,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      block_size_minimum: 1,
      block_size_preferred: 4096,
      block_size_maximum: 1 << 25,
      'export-size': SIZE,
      'export-size-str': '16M',
    });
    assert.match(await served.run('nbdinfo', '--list', 'URI'), /export="disk":/);
    await served.stop();
  });

  test(`${way}: nbdcopy takes all of it and puts all of it back, over four connections`, async () => {
    needs('nbdcopy');
    const served = await start();
    const copy = scratch.path(`copy-${way}`);
    const how = ['--connections=4', '--requests=16', '--threads=4'];
    await served.run('nbdcopy', ...how, 'URI', copy);
    assert.equal(readFileSync(copy), numbered(SIZE));
    writeFileSync(copy, numbered(SIZE, 77));
    await served.run('nbdcopy', ...how, copy, 'URI');
    assert.equal(served.content(), numbered(SIZE, 77));
    assert.is(served.events.filter((event) => event.endsWith('attached disk')).length >= 8, true);
    await served.stop();
  });

  test(`${way}: qemu-io writes patterns at any place and reads them back`, async () => {
    needs('qemu-io');
    const served = await start();
    const wanted = numbered(SIZE);
    wanted.fill(5, 1001, 1001 + 3000);
    wanted.fill(6, 65_536, 65_536 + 131_072);
    wanted.fill(0, 100_001, 100_001 + 9999);
    wanted.fill(7, SIZE - 3, SIZE);
    const commands = [
      'write -P 5 -f 1001 3000',
      'read -P 5 1001 3000',
      'aio_write -P 6 64k 128k',
      'aio_flush',
      'write -z 100001 9999',
      'read -P 0 100001 9999',
      'write -z -u 8192 4096',
      'discard 8192 4096',
      `write -P 7 ${SIZE - 3} 3`,
      'flush',
    ];
    wanted.fill(0, 8192, 8192 + 4096);
    const output = await served.run('qemu-io', '-f', 'raw', ...commands.flatMap((c) => ['-c', c]), 'URI');
    assert.not.match(output, /fail|error/i);
    assert.equal(served.content(), wanted);
    // qemu-io asks for durability with each write
    assert.equal(served.device.log, [
      'write 1001+3000 fua',
      'write 65536+131072 fua',
      'zero 100001+9999 fua',
      'punch 8192+4096 fua',
      'trim 8192+4096',
      `write ${SIZE - 3}+3 fua`,
      'flush',
      'flush',
    ]);
    await served.stop();
  });

  test(`${way}: qemu-img compare finds the same bytes, and a byte that differs`, async () => {
    needs('qemu-img');
    const served = await start();
    const copy = scratch.path(`compare-${way}`);
    copyFileSync(served.image, copy);
    const compare = ['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', copy, 'URI'];
    assert.match(await served.run(...compare), /identical/);
    const other = numbered(SIZE);
    other[9_000_000] = 1;
    writeFileSync(copy, other);
    const { code, stdout } = await served.tried(compare);
    assert.is(code, 1);
    assert.match(stdout, /mismatch at offset 8999936|mismatch at offset 9000/);
    await served.stop();
  });

  test(`${way}: fio verifies what it wrote with a deep queue of mixed sizes`, async () => {
    needs('fio');
    const served = await start();
    const job = ['--name=x', '--ioengine=nbd', '--uri=URI', '--rw=randrw', '--iodepth=64', '--size=16m'];
    const sizes = [
      '--bsrange=512-256k',
      '--bs_unaligned=1',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
    ];
    await served.run('fio', ...job, ...sizes, '--loops=2');
    await served.stop();
  });
}

test('nbdinfo --map shows both contexts, neighbours joined', async () => {
  needs('nbdinfo');
  const holes = new Set([0, 1, 2, 10]);
  const faults = { holes, unreadable: new Set([5, 6]), remapped: new Set([100]) };
  const served = await Served.start(scratch, { size: 1 << 16, faults });
  const rows = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((row) => row.trim().split(/\s+/).slice(0, 3));
  const allocation = rows(await served.run('nbdinfo', '--map', 'URI'));
  assert.equal(allocation, [
    ['0', `${3 * SECTOR}`, '3'],
    [`${3 * SECTOR}`, `${7 * SECTOR}`, '0'],
    [`${10 * SECTOR}`, `${SECTOR}`, '3'],
    [`${11 * SECTOR}`, `${(1 << 16) - 11 * SECTOR}`, '0'],
  ]);
  const sectors = rows(await served.run('nbdinfo', '--map=x-dmremap:sectors', 'URI'));
  assert.equal(sectors, [
    ['0', `${5 * SECTOR}`, '0'],
    [`${5 * SECTOR}`, `${2 * SECTOR}`, '2'],
    [`${7 * SECTOR}`, `${93 * SECTOR}`, '0'],
    [`${100 * SECTOR}`, `${SECTOR}`, '1'],
    [`${101 * SECTOR}`, `${(1 << 16) - 101 * SECTOR}`, '0'],
  ]);
  await served.stop();
});

test('a read-only export says so and refuses', async () => {
  needs('nbdinfo', 'qemu-io');
  const served = await Served.start(scratch, { faults: { readOnly: true } });
  assert.is((await served.tried(['nbdinfo', '--is', 'read-only', 'URI'])).code, 0);
  const { stdout, stderr } = await served.tried(['qemu-io', '-f', 'raw', '-c', 'write 0 4k', 'URI']);
  assert.match(stdout + stderr, /denied/);
  assert.equal(served.content(), numbered(SIZE));
  await served.stop();
});
