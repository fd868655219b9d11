import { readFileSync } from 'node:fs';
import { patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { nbdsh } from './nbdsh.js';
import { ask, run, sectorsLogged, serve } from './served-set.js';

/** The program on a spare whose sectors truly fail. */

const test = suite('serve a failing spare');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('root', 'nbdkit', 'nbdfuse', 'nbdsh', 'nbdcopy', 'qemu-io', '/dev/fuse'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const SECTORS = 1024;
const ENTRIES = Array.from({ length: 32 }, (_, index) => [64 + index, 600 + index] as const);
const bad = (first: number, count: number) => [first * SECTOR, (first + count) * SECTOR] as const;

slow(
  'places that take no more writes are left, and no client notices; where none takes anything it is told',
  async () => {
    const main = shop.image('main.img', SECTORS * SECTOR);
    const content = shop.put(
      'spare.img',
      buildImage({
        layout: 'redundant',
        sectors: 1024,
        maxEntries: 100,
        mainSectors: SECTORS,
        entries: ENTRIES,
      }),
    );
    const disk = await FailingDisk.start(shop, content, 1024 * SECTOR);
    const server = await serve(shop, disk.path, main);
    const shadow = readFileSync(main);
    const io = (...lines: readonly string[]) =>
      run('qemu-io', '-t', 'writeback', '-f', 'raw', ...lines.flatMap((line) => ['-c', line]), server.uri);
    disk.set({ write: bad(608, 3) });
    await io('write -P 7 30k 20k', 'write -f -P 8 36k 1k', 'flush');
    shadow.fill(7, 30 * 1024, 50 * 1024).fill(8, 36 * 1024, 37 * 1024);
    const told = await ask(server.control, 'verify 64-95');
    const places = told
      .replace(/^ok /, '')
      .split(', ')
      .map((word) => Number(word.split(' ')[2]));
    assert.equal(
      places.map((place, index) => place === 600 + index),
      places.map((_, index) => index < 8 || index > 10),
    );
    assert.match(await ask(server.control, 'status'), / 32\/100 0\/100 32\/100 health=1 .*persist=enabled /);
    const copy = shop.path('copy.img');
    await run('nbdcopy', server.uri, copy);
    assert.equal(readFileSync(copy), shadow, 'what clients read');
    // no place at all
    const { data_start: first, data_sectors: count } = { data_start: 16, data_sectors: 1024 - 32 };
    disk.set({ write: bad(first, count) });
    assert.equal(
      await nbdsh(
        server.uri,
        'import errno',
        'try:',
        '  h.pwrite(bytes(1024), 64 * 512)',
        '  print("taken")',
        'except nbd.Error as error:',
        '  assert error.errnum == errno.EIO, error',
        '  print("EIO")',
      ),
      ['EIO'],
    );
    assert.match(await ask(server.control, 'status'), / health=3 /);
    disk.set({});
    await io('write -P 9 32k 1k', 'flush');
    shadow.fill(9, 32 * 1024, 33 * 1024);
    assert.match(await ask(server.control, 'status'), / health=1 /);
    const { code, stderr } = await server.stop();
    assert.is(code, 0, stderr);
    assert.is(sectorsLogged(stderr, 'the spare did not take these sectors: they live elsewhere on it'), 3);
    const spare = readFileSync(content);
    const { n, truth } = judge(spare, { mainSectors: SECTORS });
    assert.equal([n, truth?.length], [0, 32]);
    const found = readFileSync(main);
    for (const [sector, place] of truth ?? [])
      spare.copy(found, sector * SECTOR, place * SECTOR, (place + 1) * SECTOR);
    assert.equal(found, shadow, 'the images');
  },
);
